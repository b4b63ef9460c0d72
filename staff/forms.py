"""Pictures that people upload."""

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from facetrack.lib.images import BadPicture, read_picture


class PictureForm(forms.Form):
    """One picture; afterwards `cleaned_data["picture"]` is the decoded BGR array."""

    picture = forms.FileField(widget=forms.ClearableFileInput(attrs={"accept": "image/*"}))

    def clean_picture(self) -> object:
        return decoded(self.cleaned_data["picture"])


def decoded(upload: UploadedFile[bytes]) -> object:
    """The BGR array of an uploaded picture. Raises ValidationError."""
    try:
        return read_picture(
            upload,
            megabytes=settings.FACETRACK_UPLOAD_MEGABYTES,
            megapixels=settings.FACETRACK_UPLOAD_MEGAPIXELS,
        )
    except BadPicture as error:
        raise forms.ValidationError(f"{upload.name}: {error}") from None
