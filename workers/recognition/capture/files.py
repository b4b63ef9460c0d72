"""Files: every analysed frame is delivered, at the speed of the reader or of the clip."""

from __future__ import annotations

import os
import time
from pathlib import Path

import cv2
import numpy as np

from workers.recognition.capture.limits import MAX_PIXELS
from workers.recognition.capture.source import Clock, Rhythm, SourceError
from workers.recognition.orientation import AS_IS, Orientation
from workers.recognition.types import Frame, Picture

FORMATS = "mov,matroska,avi,gif,mpegts,mpeg,mpegvideo,m4v,h264,hevc,flv,asf,ogg,mjpeg"
"""Allowed formats of a clip: no playlist, which names other files and hosts."""
OPTIONS = f"format_whitelist;{FORMATS}|protocol_whitelist;file"
MAX_SIDE = 4096  # pixels, after stretching; what is larger is shrunk
USUAL_FPS = 25.0  # for files that do not state their frame rate


class FileSource:
    """A video or an animated GIF, decoded by OpenCV's FFmpeg.

    With `pace` frames come when they are due and carry POSIX time, as those of a camera would; nothing is
    dropped if the reader is slower. Without, they come at once and carry their position in seconds.
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
        self._path = Path(location)
        self._loop = loop
        self._orientation = orientation
        self._rhythm = Rhythm(fps)
        self._clock = Clock() if pace else None
        self._started_at = self._clock.now() if self._clock else 0.0
        self._index = 0
        self._played = 0
        self._capture = self._opened()
        said = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.fps = said if 0.1 < said < 1000 else USUAL_FPS
        """The file's own frame rate, whatever part of it is analysed."""

    @property
    def frames(self) -> int:
        """Frames of one round as the file announces them; 0 if it does not."""
        return max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its pictures, as they are read."""
        get = self._capture.get
        size = self._square(int(get(cv2.CAP_PROP_FRAME_WIDTH)), int(get(cv2.CAP_PROP_FRAME_HEIGHT)))
        return size[::-1] if self._orientation.turn % 180 else size

    def read(self) -> Frame | None:
        while True:
            position = self._index / self.fps
            if not self._capture.grab():
                if not self._begin_again():
                    return None
                continue
            self._index, self._played = self._index + 1, self._played + 1
            if not self._rhythm.takes(position):
                continue
            done, picture = self._capture.retrieve()
            if done:
                self._wait_for(position)
                return Frame(
                    index=self._index - 1,
                    at=self._started_at + position,
                    picture=self._shown(np.asarray(picture, dtype=np.uint8)),
                )

    def _shown(self, picture: Picture) -> Picture:
        height, width = picture.shape[:2]
        size = self._square(width, height)
        if size != (width, height):
            picture = np.asarray(cv2.resize(picture, size), dtype=np.uint8)
        return self._orientation.applied(picture)

    def _square(self, width: int, height: int) -> tuple[int, int]:
        """The size with square pixels. OpenCV itself turns pictures as the file says."""
        get = self._capture.get
        high, wide = get(cv2.CAP_PROP_SAR_DEN), get(cv2.CAP_PROP_SAR_NUM)
        said = wide / high if wide > 0 and high > 0 else 1.0
        if int(get(cv2.CAP_PROP_ORIENTATION_META)) % 180:
            said = 1 / said
        return self._orientation.size(width, height, said, MAX_SIDE)

    def close(self) -> None:
        self._capture.release()

    def _begin_again(self) -> bool:
        if not self._played:
            raise SourceError(
                f"no frame of {self._path.name} can be decoded",
                "the file is damaged or holds no video; convert it to MP4 with H.264 and try again",
            )
        if not self._loop:
            return False
        self._capture.release()
        self._capture = self._opened()
        self._played = 0
        return True

    def _wait_for(self, position: float) -> None:
        if self._clock is not None:
            time.sleep(max(0.0, self._started_at + position - self._clock.now()))

    def _opened(self) -> cv2.VideoCapture:
        if not self._path.exists():
            raise SourceError(
                f"there is no file {self._path.name}",
                "check its name, and the worker's folder of clips",
            )
        if not self._path.is_file():
            raise SourceError(f"{self._path.name} is not a file", "give the path of one video file")
        try:
            with self._path.open("rb") as file:
                empty = not file.read(1)
        except OSError as error:
            raise SourceError(
                f"{self._path.name} cannot be read ({error.strerror})",
                "give the worker's user the right to read it",
            ) from error
        # OpenCV takes FFmpeg's options from the environment only.
        os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = OPTIONS
        # FFmpeg by name: otherwise OpenCV reads a picture's name as the pattern of a series.
        capture = None if empty else cv2.VideoCapture(str(self._path.absolute()), cv2.CAP_FFMPEG)
        if capture is None or not capture.isOpened():
            raise SourceError(
                f"{self._path.name} is not a video that can be decoded",
                "it is empty, damaged or of an unknown format; convert it to MP4 with H.264",
            )
        width, height = (
            int(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
        if width * height > MAX_PIXELS:
            capture.release()
            raise SourceError(
                f"{self._path.name} has pictures of {width} x {height} pixels, of which "
                f"{MAX_PIXELS // 1_000_000} million at most are decoded",
                "make it smaller and try again",
            )
        return capture
