"""A file's headers, read without decoding it: every picture passes here first.

Seven formats are accepted, recognised by their content. Of each, the parts that a decoder needs are kept;
metadata, further frames and trailing bytes are removed, so that no decoder ever sees them.
"""

from collections.abc import Callable

from facetrack.core.picture_decoder.headers import avif, bmp, jpeg, png, pnm, tiff, webp
from facetrack.core.picture_decoder.headers.types import BadPicture, Stripped

Parser = Callable[[bytes, float], Stripped]
"""Maximum size of the file and megapixels of the picture."""
ACCEPTED = "JPEG, PNG, WebP, AVIF, TIFF, BMP or PPM"
_PARSERS: dict[bytes, Parser] = {
    b"\xff\xd8\xff": jpeg.strip,
    b"\x89PNG\r\n\x1a\n": png.strip,
    b"BM": bmp.strip,
    b"II*\0": tiff.strip,
    b"MM\0*": tiff.strip,
    **{b"P%d" % number: pnm.strip for number in range(1, 7)},
}
_REFUSED = {
    b"GIF87a": "a GIF",
    b"GIF89a": "a GIF",
    b"%PDF": "a PDF",
    b"II+\0": "a BigTIFF",
    b"MM\0+": "a BigTIFF",
    b"\0\0\1\0": "an icon (ICO)",
    b"\0\0\0\x0cjP  ": "a JPEG 2000",
    b"\xff\x4f\xff\x51": "a JPEG 2000",
    b"\xff\x0a": "a JPEG XL",
    b"\0\0\0\x0cJXL ": "a JPEG XL",
    b"v/1\x01": "an OpenEXR",
    b"#?RADIANCE": "a Radiance HDR",
    b"#?RGBE": "a Radiance HDR",
    b"8BPS": "a Photoshop document",
    b"Pf": "a PFM",
    b"PF": "a PFM",
    b"P7": "a PAM",
    b"qoif": "a QOI",
}
_BRANDS = {b"avis": "an AVIF that moves", b"crx ": "a Canon raw picture"}
_HEIF = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")


def stripped(data: bytes, *, megapixels: float) -> Stripped:
    """The part of the file for a decoder. Raises BadPicture, which names the kind of file."""
    return _parser(data)(data, megapixels)


def _parser(data: bytes) -> Parser:
    """Raises BadPicture."""
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return webp.strip
    if data[4:8] == b"ftyp" and data[8:12] == avif.BRAND:
        return avif.strip
    for magic, parser in _PARSERS.items():
        if data.startswith(magic):
            return parser
    if kind := _known(data):
        raise BadPicture(f"This file is {kind}, which is not supported: save it as JPEG, PNG or WebP.")
    raise BadPicture("This file is not a supported picture: use JPEG, PNG or WebP.")


def _known(data: bytes) -> str | None:
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        return _BRANDS.get(brand) or ("a HEIC" if brand in _HEIF else None)
    return next((kind for magic, kind in _REFUSED.items() if data.startswith(magic)), None)


__all__ = ["ACCEPTED", "BadPicture", "Stripped", "stripped"]
