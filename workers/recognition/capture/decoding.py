"""From FFmpeg's frames to the pictures of the pipeline: fields woven into whole pictures, colour, shape."""

from __future__ import annotations

from collections import deque
from typing import Any

import av.error
import av.filter
import numpy as np
from av.video.reformatter import VideoReformatter

from workers.recognition.capture.limits import MAX_PIXELS, THREADS
from workers.recognition.orientation import Orientation, QuarterTurn, turned
from workers.recognition.types import Picture

DEINTERLACE = "mode=send_frame:parity=auto:deint=interlaced"
"""One picture for each frame, by the frame's own order of fields; progressive frames stay as they are."""
NOTHING_YET = (av.error.BlockingIOError, av.error.EOFError)


class Deinterlacer:
    """Makes whole pictures of interlaced frames. Progressive streams pass untouched and without delay.

    Swscale refuses to convert interlaced frames to progressive pictures, and combed faces are not recognised.
    From the first interlaced frame on, frames come one later: the fields between them are interpolated from
    the frames on both sides.
    """

    def __init__(self) -> None:
        self._graph: av.filter.Graph | None = None
        self._shape: tuple[int, int, str] | None = None
        self._inside: deque[Any] = deque()
        self._ready: deque[tuple[Any, Any]] = deque()

    def put(self, frame: Any, source: Any) -> None:
        """Adds a decoded frame. `source`: what comes back with its picture. Raises FFmpegError."""
        shape = (frame.width, frame.height, frame.format.name)
        if self._graph is not None and shape != self._shape:
            self.flush()
        if self._graph is None and not frame.interlaced_frame:
            self._ready.append((frame, source))
            return
        if self._graph is None:
            self._graph, self._shape = _graph(frame), shape
        self._graph.push(frame)
        self._inside.append(source)
        self._pull()

    def take(self) -> tuple[Any, Any] | None:
        """The next whole frame, in order, with its `source`; None if it needs another one first."""
        return self._ready.popleft() if self._ready else None

    def flush(self) -> None:
        """No later frame belongs to those so far: makes the last one ready. Raises FFmpegError."""
        if self._graph is None:
            return
        graph = self._graph
        graph.push(None)
        self._pull()
        self._graph = None
        self._inside.clear()

    def _pull(self) -> None:
        assert self._graph is not None  # noqa: S101  the callers have just used it
        while self._inside:
            try:
                frame = self._graph.pull()
            except NOTHING_YET:
                return
            self._ready.append((frame, self._inside.popleft()))


def _graph(frame: Any) -> av.filter.Graph:
    graph = av.filter.Graph()
    graph.threads = THREADS
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format.name, time_base=frame.time_base
    )
    graph.link_nodes(source, graph.add("bwdif", DEINTERLACE), graph.add("buffersink")).configure()
    return graph


def limit_decoder(stream: Any) -> None:
    """Keeps the decoder of a video stream within the limits of one source; before its first packet."""
    decoder = stream.codec_context
    decoder.thread_count = THREADS
    decoder.options = {"max_pixels": str(MAX_PIXELS)}


def quarter_turn(frame: Any) -> QuarterTurn:
    """The turn that the container asks for; FFmpeg counts it counter-clockwise."""
    return QuarterTurn(round(-frame.rotation / 90) % 4 * 90)


class PictureMaker:
    """Makes pictures of the frames of one stream. Keeps its scaler: a new one costs as much as a picture."""

    def __init__(self, stream: Any, orientation: Orientation, longest: int) -> None:
        """`longest`: pixels of the longer side, to which larger pictures are shrunk."""
        self._stream, self._orientation, self._longest = stream, orientation, longest
        self._scaler = VideoReformatter()

    def size(self, frame: Any, turn: QuarterTurn) -> tuple[int, int]:
        """Width and height of the frame's picture."""
        size = self._stretched(frame)
        return size[::-1] if (self._orientation.turn + turn) % 180 else size

    def picture(self, frame: Any, turn: QuarterTurn) -> Picture:
        """BGR, stretched and shrunk in one pass, then turned. Raises FFmpegError."""
        width, height = self._stretched(frame)
        shown = self._scaler.reformat(frame, format="bgr24", width=width, height=height, threads=1)
        return self._orientation.applied(turned(np.asarray(shown.to_ndarray(), dtype=np.uint8), turn))

    def _stretched(self, frame: Any) -> tuple[int, int]:
        stream = self._stream
        said = stream.codec_context.sample_aspect_ratio or stream.sample_aspect_ratio or 1
        return self._orientation.size(frame.width, frame.height, float(said), self._longest)
