"""Faces and pictures in JSON: base64, validated before any other code uses them."""

import binascii
from base64 import b64decode
from io import BytesIO
from typing import Any

import numpy as np
from rest_framework import serializers

from facetrack.core.crypto import EMBEDDING_DIMENSION
from facetrack.core.images import BadPicture, sound_jpeg
from workers.process.clients.wire import MAX_PICTURE

TEMPLATE_BYTES = 4 * EMBEDDING_DIMENSION
MAX_MEGAPIXELS = 16
MAX_SCANS = 4
"""Workers write baseline JPEGs: one scan, or one per colour component."""
NORM_TOLERANCE = 0.01


def _length(size: int) -> int:
    """Exactly `size` bytes in base64."""
    return 4 * -(-size // 3)


class Base64Field(serializers.CharField):
    """Bytes; at most `max_bytes` of them."""

    def __init__(self, *, max_bytes: int, **options: Any) -> None:
        self.max_bytes = max_bytes
        super().__init__(max_length=_length(max_bytes), trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> Any:
        try:
            return b64decode(super().to_internal_value(data), validate=True)
        except (binascii.Error, ValueError):
            raise serializers.ValidationError("This is not valid base64.") from None

    def run_validators(self, value: Any) -> None:
        if len(value) > self.max_bytes:
            raise serializers.ValidationError(f"This is longer than {self.max_bytes:,} bytes.")


class TemplateField(Base64Field):
    """512 numbers of 4 bytes, little-endian, that form a vector of length 1."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_bytes=TEMPLATE_BYTES, help_text=self.__doc__, **options)

    def to_internal_value(self, data: Any) -> Any:
        raw = super().to_internal_value(data)
        if len(raw) != TEMPLATE_BYTES:
            raise serializers.ValidationError(f"A template has {TEMPLATE_BYTES} bytes, not {len(raw)}.")
        template = np.frombuffer(raw, dtype="<f4").astype(np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            length = float(np.linalg.norm(template))
        if not abs(length - 1.0) <= NORM_TOLERANCE:  # also true for NaN
            raise serializers.ValidationError("A template must be a vector of length 1.")
        return template

    def run_validators(self, value: Any) -> None: ...


class JpegField(Base64Field):
    """A JPEG, stored without its metadata and trailing bytes. Validating it raises Busy."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_bytes=MAX_PICTURE, help_text=f"JPEG, at most {MAX_PICTURE:,} bytes.", **options)

    def to_internal_value(self, data: Any) -> Any:
        raw: bytes = super().to_internal_value(data)
        try:
            return sound_jpeg(
                BytesIO(raw),
                megabytes=MAX_PICTURE / 1_000_000,
                megapixels=MAX_MEGAPIXELS,
                scans=MAX_SCANS,
                owner=self.context["view"].kwargs["worker"],
            )
        except BadPicture as refusal:
            raise serializers.ValidationError(str(refusal)) from None
