"""Files: every analysed frame is delivered, at the speed of the reader or of the clip."""

from __future__ import annotations

import time
from pathlib import Path

import av.error

from workers.recognition.capture.decoding import PictureMaker
from workers.recognition.capture.files.losses import MAX_LOST
from workers.recognition.capture.files.reader import ClipReader, DecodedFrame
from workers.recognition.capture.source import Clock, Rhythm, SourceError
from workers.recognition.orientation import AS_IS, Orientation
from workers.recognition.types import Frame

MAX_SIDE = 4096  # pixels, after stretching; what is larger is shrunk
MIN_ROUND = 1.0
"""Seconds of pictures that a damaged file must have to be repeated; otherwise it would only be searched."""
MAX_WAIT = 5.0
"""Seconds that a paced file waits for one frame: a hole of an hour is not waited for."""


class FileSource:
    """A video or an animated GIF, decoded by FFmpeg through PyAV.

    With `pace` frames come when they are due and carry POSIX time, as those of a camera would; nothing is
    dropped if the reader is slower. Without, they come at once and carry their position in seconds.

    Damaged parts are skipped; `lost` counts their frames, whose indexes are left out.
    """

    def __init__(
        self,
        location: str,
        *,
        fps: float,
        loop: bool = False,
        pace: bool = False,
        orientation: Orientation = AS_IS,
    ) -> None:
        """Raises SourceError for a file that is missing, unreadable or not a video.

        An error has the file's name without its folder: the folders of a server are no tenant's concern.
        """
        self.lost = 0
        """Frames so far that could not be decoded or are missing, in all rounds."""
        self._path = Path(location)
        self._loop = loop
        self._orientation = orientation
        self._reader, self._pictures = self._opened()
        self.facts = self._reader.facts
        self._rhythm = Rhythm(fps)
        self._index = self._played = 0
        self._ahead: DecodedFrame | None = None
        self._clock = Clock() if pace else None
        self._started = time.monotonic()

    @property
    def fps(self) -> float:
        """The file's own frame rate, whatever part of it is analysed."""
        return self._reader.fps

    @property
    def frames(self) -> int:
        """Frames of one round as the file announces them; 0 if it does not."""
        return self._reader.frames

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its pictures, as they are read. Raises SourceError."""
        self._ahead = self._ahead or self._reader.read()
        if self._ahead is None:
            raise self._undecodable()
        return self._pictures.size(self._ahead.frame, self._ahead.turn)

    def read(self) -> Frame | None:
        while True:
            found, self._ahead = self._ahead or self._reader.read(), None
            if found is None:
                if not self._begin_again():
                    return None
                continue
            self._lose(found.missing)
            index = self._index
            self._index += 1
            if not self._rhythm.takes(index / self.fps):
                self._played += 1
            elif (frame := self._frame(found, index)) is not None:
                return frame

    def close(self) -> None:
        self._reader.close()

    def _frame(self, found: DecodedFrame, index: int) -> Frame | None:
        """None for a frame that cannot be shown after all."""
        try:
            picture = self._pictures.picture(found.frame, found.turn)
        except (av.error.FFmpegError, ValueError):  # a format without colours
            self.lost += 1
            return None
        self._played += 1
        return Frame(index=index, at=self._due(index / self.fps), picture=picture)

    def _due(self, position: float) -> float:
        """Waits until a frame at `position` is due, where the file is paced. Returns the frame's time."""
        if self._clock is None:
            return position
        wait = self._started + position - time.monotonic()
        if wait > MAX_WAIT:
            self._started -= wait - MAX_WAIT
        time.sleep(max(0.0, min(wait, MAX_WAIT)))
        return self._clock.at(self._started + position)

    def _lose(self, frames: int) -> None:
        self.lost = min(self.lost + frames, MAX_LOST)
        self._index += frames

    def _begin_again(self) -> bool:
        """The file is over. Returns whether it is repeated; raises SourceError if it had no pictures."""
        self._lose(self._reader.missing_at_end)
        self._reader.missing_at_end = 0
        if not self._played:
            raise self._undecodable()
        if not self._loop:
            return False
        if self.lost and self._played < MIN_ROUND * self.fps:
            raise SourceError(
                f"{self._path.name} is damaged: only {self._played} of its frames can be decoded",
                "copy it again from where it came from",
            )
        self._reader.close()
        self._reader, self._pictures = self._opened()
        self._played = 0
        return True

    def _opened(self) -> tuple[ClipReader, PictureMaker]:
        reader = ClipReader(self._path)
        return reader, PictureMaker(reader.stream, self._orientation, MAX_SIDE)

    def _undecodable(self) -> SourceError:
        return SourceError(
            f"no frame of {self._path.name} can be decoded",
            "the file is damaged or holds no video; convert it to MP4 with H.264 and try again",
        )
