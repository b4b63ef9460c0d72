"""Faces of several cameras in one batch."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from workers.recognition.models.batching import SharedEmbedder
from workers.recognition.types import Floats, Picture


class Slow:
    """An embedder that takes a while, and tells faces by their first pixel."""

    pack, size = "slow", 2
    template: Floats = np.zeros((5, 2), dtype=np.float32)

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.most = 0
        """Batches that were under way at once."""
        self._under_way = 0
        self._lock = threading.Lock()

    def embed(self, crops: list[Picture]) -> Floats:
        with self._lock:
            self.batches.append(len(crops))
            self._under_way += 1
            self.most = max(self.most, self._under_way)
        time.sleep(0.02)
        with self._lock:
            self._under_way -= 1
        if any(crop[0, 0, 0] == 255 for crop in crops):
            raise ValueError("a broken face")
        return np.array([[crop[0, 0, 0]] for crop in crops], dtype=np.float32)


def face(number: int) -> Picture:
    return np.full((2, 2, 3), number, dtype=np.uint8)


@pytest.mark.parametrize("lanes", [1, 2])
def test_everybody_gets_their_own_faces_back_and_batches_form_under_load(lanes: int) -> None:
    inner = Slow()
    shared, wrong = SharedEmbedder(inner, lanes), []

    def camera(number: int) -> None:
        for i in range(10):
            wanted = [number, (number + i) % 200]
            found = shared.embed([face(value) for value in wanted])
            if found.ravel().tolist() != wanted:
                wrong.append(number)

    threads = [threading.Thread(target=camera, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert wrong == []
    assert sum(inner.batches) == 160
    assert max(inner.batches) > 2
    assert len(inner.batches) < 80
    assert inner.most == lanes


def test_one_alone_is_served_at_once_and_an_error_reaches_who_asked() -> None:
    inner = Slow()
    shared = SharedEmbedder(inner)
    assert shared.embed([]).shape[0] == 0
    with pytest.raises(ValueError, match="a broken face"):
        shared.embed([face(255)])
    assert shared.embed([face(3)]).tolist() == [[3.0]]
