"""Results and errors of the parsers of all formats."""

from dataclasses import dataclass

MAX_PARTS = 20_000
"""Maximum segments, chunks or strips of one file. Pictures of 50 MB have some thousand."""


class BadPicture(ValueError):
    """A file that cannot be used as a picture; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Stripped:
    """One still picture without metadata. `orientation` is from its EXIF, 1 to 8."""

    kind: str
    """The format's name for Pillow."""
    data: bytes
    width: int
    height: int
    orientation: int = 1
    scans: int = 1

    @property
    def pixels(self) -> int:
        return self.width * self.height


def damaged() -> BadPicture:
    return BadPicture("The picture is damaged and cannot be read to the end: export it again.")


def too_many_parts() -> BadPicture:
    return BadPicture(
        f"The picture has more than {MAX_PARTS:,} parts: save it as a plain JPEG and try again."
    )


def too_short(width: int, height: int) -> BadPicture:
    return BadPicture(
        f"The picture's header says {width} x {height} pixels, but the file is too short for that: "
        "it is damaged; export it again."
    )


def refuse_size(width: int, height: int, megapixels: float) -> None:
    """Checked before the pixels are decoded. Raises BadPicture."""
    if width < 1 or height < 1:
        raise damaged()
    if width * height > megapixels * 1_000_000:
        raise BadPicture(
            f"The picture has {width} x {height} pixels, more than {megapixels:g} megapixels: "
            "scale it down and try again."
        )
