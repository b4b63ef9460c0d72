"""The files that attackers upload, made once and kept."""

from pathlib import Path

from tests.hostile_pictures import HOSTILE, SOUND

FEW = (
    "JPEG with 2,000 scans in a small file",
    "PNG with 45 megapixels and no data",
    "PNG with text that unpacks to 300 MB",
    "TIFF with 60,000 values a pixel",
    "BMP with run lengths",
    "EXIF of many tags",
    "PNG of 16 megapixels in one colour",
)
"""Quickly made, of each way to be costly."""


def files(folder: Path, *, few: bool) -> Path:
    """The folder with all of them in it, or with a few."""
    folder = folder / ("few" if few else "all")
    folder.mkdir(parents=True, exist_ok=True)
    for name, build in (HOSTILE | SOUND).items():
        path = folder / name.replace("/", " ")
        if not path.exists() and (name in FEW or not few):
            path.write_bytes(build())
    return folder
