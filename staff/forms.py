"""Forms for uploaded pictures."""

from collections.abc import Iterable
from weakref import WeakKeyDictionary

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from facetrack.core.images import BadPicture, Busy, CleanPicture, clean_picture
from tenants.queries import active_tenant

_ahead: WeakKeyDictionary[UploadedFile[bytes], CleanPicture | BadPicture | Busy] = WeakKeyDictionary()
"""Results of uploads that were decoded before their form is validated."""


class PictureForm(forms.Form):
    """One picture; afterwards `cleaned_data["picture"]` is a CleanPicture. Validating it raises Busy."""

    picture = forms.FileField(widget=forms.ClearableFileInput(attrs={"accept": "image/*"}))

    def clean_picture(self) -> CleanPicture:
        return clean_upload(self.cleaned_data["picture"])


def clean_upload(upload: UploadedFile[bytes]) -> CleanPicture:
    """An uploaded picture in the form in which it is stored. Raises ValidationError and Busy.

    This may take seconds: call it before a transaction begins, or call `read_ahead` before that.
    """
    outcome = _ahead.get(upload) or _outcome(upload)
    if isinstance(outcome, Busy):
        raise outcome
    if isinstance(outcome, BadPicture):
        raise forms.ValidationError(f"{upload.name}: {outcome}")
    return outcome


def read_ahead(uploads: Iterable[UploadedFile[bytes]]) -> Busy | None:
    """Decode pictures whose form is validated within a transaction. Busy if the decoder's queue is full."""
    busy = None
    for upload in uploads:
        outcome = _ahead[upload] = busy or _outcome(upload)
        if isinstance(outcome, Busy):
            busy = outcome
    return busy


def _outcome(upload: UploadedFile[bytes]) -> CleanPicture | BadPicture | Busy:
    try:
        return clean_picture(
            upload,
            megabytes=settings.FACETRACK_UPLOAD_MEGABYTES,
            megapixels=settings.FACETRACK_UPLOAD_MEGAPIXELS,
            owner=active_tenant().pk,
        )
    except (BadPicture, Busy) as error:
        return error
