"""Search: the exact comparison in memory, compared with the bare product and the visitors' index."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from uuid import UUID, uuid4

import numpy as np

from visits.index import IndexUnavailable, visitor_index
from workers.recognition.stages.match import nearest
from workers.recognition.types import Floats

DIMENSION = 512
COLLECTION = "bench"
PATIENCE = 5.0  # seconds for one search of the index; the bench measures how long it takes
QUERIES = 40


@dataclass(frozen=True, slots=True)
class Searched:
    """Milliseconds per query: ours, the bare matrix-vector product, the index (None if unavailable)."""

    rows: int
    ours_ms: float
    bare_ms: float
    milvus_ms: float | None
    trouble: str = ""


def search_bench(rows: int, *, index: bool) -> Searched:
    """Measures with `rows` templates of as many people, ours and the bare product in turns."""
    chance = np.random.default_rng(rows)
    known = _faces(chance, rows)
    identities = [str(number) for number in range(rows)]
    queries = _faces(chance, QUERIES)
    ours, bare = [], []
    for query in (*queries[:3], *queries):  # the first ones warm up caches and threads
        bare.append(_ms(lambda query=query: known @ query))  # type: ignore[misc]
        ours.append(_ms(lambda query=query: nearest(query, known, identities)))  # type: ignore[misc]
    milvus, trouble = _indexed(known, queries) if index else (None, "left out")
    return Searched(rows, median(ours[3:]), median(bare[3:]), milvus, trouble)


def _indexed(known: Floats, queries: Floats) -> tuple[float | None, str]:
    tenant, people = uuid4(), [uuid4() for _ in range(len(known))]
    index = visitor_index(COLLECTION)
    try:
        index.rebuild(tenant, _rows(people, known))
        times = [_ms(lambda query=query: index.search(tenant, query, 5, PATIENCE)) for query in queries]  # type: ignore[misc]
        return median(times[3:]), ""
    except IndexUnavailable as error:
        return None, str(error)
    finally:
        with suppress(IndexUnavailable):  # already reported above
            index.drop_tenant(tenant)


def _rows(people: list[UUID], known: Floats) -> Iterator[tuple[UUID, Floats]]:
    yield from zip(people, known, strict=True)


def _faces(chance: np.random.Generator, count: int) -> Floats:
    faces = chance.standard_normal((count, DIMENSION), dtype=np.float32)
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    return faces


def _ms(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return 1_000 * (time.perf_counter() - started)
