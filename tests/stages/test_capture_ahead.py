"""Reading ahead: every frame, in order, and the troubles of the source."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from workers.recognition.capture import ReadAhead, SourceError
from workers.recognition.capture.ahead import DEPTH
from workers.recognition.types import Frame


class Numbers:
    """A source of so many frames, that may fail instead of ending."""

    def __init__(self, frames: int, failure: Exception | None = None) -> None:
        self.closed = threading.Event()
        self._left, self._failure, self._index = frames, failure, 0

    def read(self) -> Frame | None:
        if self._left == 0:
            if self._failure:
                raise self._failure
            return None
        self._left, self._index = self._left - 1, self._index + 1
        return Frame(self._index - 1, self._index / 25, np.zeros((4, 4, 3), np.uint8))

    def close(self) -> None:
        self.closed.set()


def test_every_frame_comes_in_order_and_prepared() -> None:
    source = Numbers(50)
    ahead = ReadAhead(source, lambda frame: Frame(frame.index, frame.at, frame.picture, frame.picture[:2]))
    frames = []
    while (frame := ahead.read()) is not None:
        assert frame.small is not None
        frames.append(frame.index)
    assert frames == list(range(50))
    assert ahead.read() is None
    assert source.closed.wait(5)


def test_a_failure_is_heard_of_after_the_frames_before_it() -> None:
    ahead = ReadAhead(Numbers(3, SourceError("it broke", "mend it")))
    assert [ahead.read() is not None for _ in range(3)] == [True] * 3
    with pytest.raises(SourceError, match="it broke"):
        ahead.read()


def test_frames_are_worked_on_together_and_come_in_order() -> None:
    together = threading.Barrier(2)

    def work(frame: Frame) -> Frame:
        if frame.index < 2:
            together.wait(timeout=10)  # broken where one is done after the other
        time.sleep(0.002 if frame.index % 2 else 0)
        return replace(frame, found=())

    ahead = ReadAhead(Numbers(20), work=work)
    frames = [ahead.read() for _ in range(20)]
    assert [frame.index for frame in frames if frame and frame.found == ()] == list(range(20))
    assert ahead.read() is None


def test_a_failure_of_the_work_comes_with_its_frame() -> None:
    def work(frame: Frame) -> Frame:
        if frame.index == 1:
            raise SourceError("it broke", "mend it")
        return frame

    ahead = ReadAhead(Numbers(3), work=work)
    assert ahead.read() is not None
    with pytest.raises(SourceError, match="it broke"):
        ahead.read()
    ahead.close()


def test_once_settled_as_much_is_done_as_may_be_and_no_more() -> None:
    done: list[int] = []

    def work(frame: Frame) -> Frame:
        time.sleep(0.005)
        done.append(frame.index)
        return frame

    ahead = ReadAhead(Numbers(DEPTH + 3), work=work)
    ahead.settle()
    assert sorted(done) == list(range(DEPTH))
    for _ in range(5):
        ahead.read()
    ahead.settle()
    assert sorted(done) == list(range(DEPTH + 3)), "the last ones, of which there are fewer"
    ahead.close()


def test_closing_early_ends_the_thread() -> None:
    source = Numbers(1_000_000)
    ahead = ReadAhead(source)
    ahead.read()
    ahead.close()
    assert source.closed.wait(5)
    assert ahead.read() is None
