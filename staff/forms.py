"""Pictures that people upload."""

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from facetrack.lib.images import BadPicture, read_picture


class PictureForm(forms.Form):
    """One picture; afterwards `cleaned_data["picture"]` is the decoded BGR array."""

    picture = forms.FileField(widget=forms.ClearableFileInput(attrs={"accept": "image/*"}))

    def clean_picture(self) -> object:
        upload: UploadedFile[bytes] = self.cleaned_data["picture"]
        try:
            return read_picture(
                upload,
                megabytes=settings.FACETRACK_UPLOAD_MEGABYTES,
                megapixels=settings.FACETRACK_UPLOAD_MEGAPIXELS,
            )
        except BadPicture as error:
            raise forms.ValidationError(f"{upload.name}: {error}") from None
