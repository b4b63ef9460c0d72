"""The visitors' index keeps the same promises on Milvus Lite and on a real Milvus server."""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import psutil
import pytest
from pymilvus import DataType

from facetrack.core.vector_errors import ForeignTenant, IndexUnavailable
from facetrack.core.vectors import Embedding, VisitorIndex
from facetrack.devservices import ports
from facetrack.devservices.milvus import Milvus
from tests.real_milvus import NO_SERVER, RealMilvus, is_installed

ACME, RIVAL = UUID(int=1), UUID(int=2)
LITE = pytest.param(Milvus, id="lite")
REAL = pytest.param(RealMilvus, id="server", marks=pytest.mark.skipif(not is_installed(), reason=NO_SERVER))
only_lite = pytest.mark.parametrize("server", [LITE], indirect=True)
PATIENCE = {Milvus: 3.0, RealMilvus: 90.0}
"""Seconds in which the index goes on after its server was killed and started again."""


@pytest.fixture(scope="module", params=[LITE, REAL])
def server(request: pytest.FixtureRequest) -> Iterator[Milvus]:
    root = Path(tempfile.mkdtemp(prefix="facetrack-test-"))
    milvus: Milvus = request.param(root)
    milvus.start(ports.pick(None))
    yield milvus
    milvus.stop()
    shutil.rmtree(root)


@pytest.fixture
def index(server: Milvus) -> Iterator[VisitorIndex]:
    _revive(server)
    index = VisitorIndex(server.url, f"pack-{uuid4().hex}")
    yield index
    index.close()


def embeddings(count: int, seed: int = 0) -> Embedding:
    drawn = np.random.default_rng(seed).normal(size=(count, 512)).astype(np.float32)
    lengths: Embedding = np.linalg.norm(drawn, axis=1, keepdims=True)
    return drawn / lengths


def people(count: int, seed: int = 0) -> list[tuple[UUID, Embedding]]:
    return [(uuid4(), embedding) for embedding in embeddings(count, seed)]


def test_a_visitor_is_found_with_the_cosine_as_score(index: VisitorIndex) -> None:
    visitors = people(20)
    assert index.upsert(ACME, visitors) == 20
    visitor, embedding = visitors[7]
    hits = index.search(ACME, embedding, limit=3, timeout=5)
    _is_certain(hits[0], visitor)
    assert [score for _, score in hits] == sorted((score for _, score in hits), reverse=True)
    expected = sorted((float(other @ embedding) for _, other in visitors), reverse=True)[:3]
    assert [score for _, score in hits] == pytest.approx(expected, abs=1e-5)


def test_an_index_of_lists_finds_them_too(server: Milvus) -> None:
    index = VisitorIndex(server.url, f"pack-{uuid4().hex}", index_type="IVF_FLAT")
    visitors = people(400)
    index.upsert(ACME, visitors)
    for visitor, embedding in visitors[:5]:
        _is_certain(index.search(ACME, embedding, 1, 5)[0], visitor)
    index.close()


def test_a_second_upsert_replaces_the_embedding(index: VisitorIndex) -> None:
    visitor, (old, new) = uuid4(), embeddings(2)
    index.upsert(ACME, [(visitor, old)])
    index.upsert(ACME, [(visitor, new)])
    assert index.count(ACME) == 1
    [hit] = index.search(ACME, new, timeout=5)
    _is_certain(hit, visitor)


def test_tenants_never_see_each_others_visitors(index: VisitorIndex) -> None:
    ours, theirs = people(30, seed=1), people(30, seed=2)
    index.upsert(ACME, ours)
    index.upsert(RIVAL, theirs)
    for _, embedding in [*ours[:5], *theirs[:5]]:
        assert {visitor for visitor, _ in index.search(ACME, embedding, 60, 5)} == {v for v, _ in ours}
        assert {visitor for visitor, _ in index.search(RIVAL, embedding, 60, 5)} == {v for v, _ in theirs}


def test_a_tenant_cannot_change_the_visitor_of_another_even_by_its_id(index: VisitorIndex) -> None:
    visitor, (ours, theirs) = uuid4(), embeddings(2)
    index.upsert(ACME, [(visitor, ours)])
    index.upsert(RIVAL, [(visitor, theirs)])
    index.delete(RIVAL, [visitor])
    assert (index.count(ACME), index.count(RIVAL)) == (1, 0)
    [hit] = index.search(ACME, ours, timeout=5)
    _is_certain(hit, visitor)


def test_a_row_of_another_tenant_in_the_partition_stops_the_search(index: VisitorIndex) -> None:
    visitor, embedding = people(1)[0]
    index.upsert(ACME, [(visitor, embedding)])
    client = index._connected(2)
    row = {"id": f"{RIVAL.hex}_{visitor.hex}", "tenant": RIVAL.hex, "site": "", "embedding": embedding}
    client.upsert(index.collection, [row], partition_name=f"t_{ACME.hex}")
    index._settle(client, ACME, [str(row["id"])], there=True)
    with pytest.raises(ForeignTenant, match=str(ACME)):
        index.search(ACME, embedding, timeout=5)


def test_a_search_at_one_site_finds_its_visitors_alone_and_all_of_them(index: VisitorIndex) -> None:
    north, south = UUID(int=11), UUID(int=12)
    near, far = people(300, seed=1), people(300, seed=2)
    index.upsert(ACME, near, north)
    index.upsert(ACME, far, south)
    query = far[0][1]
    everywhere = index.search(ACME, query, 600, 5)
    assert len(everywhere) == 600
    here = index.search(ACME, query, 600, 5, site=north)
    own = {visitor for visitor, _ in near}
    assert here == [hit for hit in everywhere if hit[0] in own]
    assert index.search(ACME, query, 5, 5, site=UUID(int=13)) == []


def test_a_visitor_moves_from_site_to_site(index: VisitorIndex) -> None:
    [(visitor, embedding)] = people(1)
    for site in (UUID(int=11), UUID(int=12)):
        index.upsert(ACME, [(visitor, embedding)], site)
    assert index.search(ACME, embedding, 5, 5, site=UUID(int=11)) == []
    _is_certain(index.search(ACME, embedding, 5, 5, site=UUID(int=12))[0], visitor)


def test_a_collection_of_an_older_version_is_made_anew(index: VisitorIndex) -> None:
    client = index._connected(2)
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=65)
    schema.add_field("tenant", DataType.VARCHAR, max_length=32)
    schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=512)
    client.create_collection(index.collection, schema=schema)
    visitor, embedding = people(1)[0]
    row = {"id": f"{ACME.hex}_{uuid4().hex}", "tenant": ACME.hex, "embedding": embedding}
    client.create_partition(index.collection, f"t_{ACME.hex}")
    client.insert(index.collection, [row], partition_name=f"t_{ACME.hex}")
    assert not index.ready(ACME)
    index.upsert(ACME, [(visitor, embedding)], UUID(int=11))
    assert index.ready(ACME)
    assert [found for found, _ in index.search(ACME, embedding, 5, 5)] == [visitor]


@pytest.mark.parametrize("tenant", [None, str(ACME), 7])
def test_it_takes_no_tenant_but_a_uuid(index: VisitorIndex, tenant: UUID) -> None:
    embedding = embeddings(1)[0]
    for refused in (
        lambda: index.search(tenant, embedding),
        lambda: index.upsert(tenant, []),
        lambda: index.delete(tenant, []),
        lambda: index.count(tenant),
        lambda: index.ready(tenant),
        lambda: index.drop_tenant(tenant),
        lambda: index.rebuild(tenant, []),
    ):
        with pytest.raises(TypeError, match="UUID"):
            refused()


def test_an_unknown_tenant_has_no_visitors(index: VisitorIndex) -> None:
    embedding = embeddings(1)[0]
    assert index.search(ACME, embedding, timeout=5) == []  # no collection yet
    index.upsert(RIVAL, people(1))
    assert index.search(ACME, embedding, timeout=5) == []  # no partition yet
    assert index.count(ACME) == 0
    index.drop_tenant(ACME)
    index.delete(ACME, [uuid4()])


def test_drop_and_rebuild_touch_one_tenant(index: VisitorIndex) -> None:
    index.upsert(ACME, people(10))
    index.upsert(RIVAL, people(4))
    fresh = people(2500, seed=3)
    assert index.rebuild(ACME, iter(fresh)) == 2500
    assert (index.count(ACME), index.count(RIVAL)) == (2500, 4)
    assert index.search(ACME, fresh[2400][1], 1, 5)[0][0] == fresh[2400][0]
    index.drop_tenant(ACME)
    assert (index.count(ACME), index.count(RIVAL)) == (0, 4)


def test_what_was_written_is_counted_and_found_by_all_at_once(server: Milvus, index: VisitorIndex) -> None:
    """A writer and those who search are different processes: each has a connection of its own."""
    visitors = people(3_000)
    reader = VisitorIndex(server.url, index.collection.removeprefix("face_embeddings_"))
    index.upsert(ACME, visitors)
    for visitor, embedding in (visitors[0], visitors[-1]):
        _is_certain(reader.search(ACME, embedding, 1, 5)[0], visitor)
    assert reader.count(ACME) == len(visitors)
    [(visitor, _), (_, moved)] = visitors[0], people(1, seed=7)[0]
    index.upsert(ACME, [(visitor, moved)])
    _is_certain(reader.search(ACME, moved, 1, 5)[0], visitor)
    assert reader.count(ACME) == len(visitors)
    reader.close()


@pytest.mark.parametrize("count", [1, 1_500])
def test_the_erased_are_found_neither_by_key_nor_by_face(index: VisitorIndex, count: int) -> None:
    visitors = people(2_000)
    index.upsert(ACME, visitors)
    gone = visitors[:count]
    index.delete(ACME, [visitor for visitor, _ in gone])
    hits = {hit for _, face in gone[:20] for hit, _ in index.search(ACME, face, 20, 5)}
    assert not hits & {visitor for visitor, _ in gone}
    assert index.count(ACME) == len(visitors) - count
    keys = [f"{ACME.hex}_{visitor.hex}" for visitor, _ in gone]
    kept = index._connected(2).query(index.collection, ids=keys, output_fields=["id"])
    assert list(kept) == []
    index.delete(ACME, [visitor for visitor, _ in gone])


def test_a_dropped_tenant_comes_back_with_its_new_rows_alone(index: VisitorIndex) -> None:
    old, new = people(300, seed=1), people(100, seed=2)
    for _ in range(2):
        index.upsert(ACME, old)
        index.drop_tenant(ACME)
        assert (index.count(ACME), index.search(ACME, old[5][1], 5, 5)) == (0, [])
        assert index.rebuild(ACME, iter(new)) == 100
        assert index.count(ACME) == 100
        _is_certain(index.search(ACME, new[99][1], 1, 5)[0], new[99][0])
        assert index.search(ACME, old[5][1], 1, 5)[0][0] not in {visitor for visitor, _ in old}


def test_a_visitor_given_twice_is_one(index: VisitorIndex) -> None:
    visitor, (first, last) = uuid4(), embeddings(2)
    index.upsert(ACME, [(visitor, first), *people(3), (visitor, last)])
    _is_certain(index.search(ACME, last, 1, 5)[0], visitor)


def test_it_refuses_what_is_no_embedding(index: VisitorIndex) -> None:
    short = np.zeros(128, np.float32)
    broken = np.full(512, np.nan, np.float32)
    for wrong in (short, broken):
        with pytest.raises(ValueError, match="512"):
            index.upsert(ACME, [(uuid4(), wrong)])
    with pytest.raises(ValueError, match="512"):
        index.search(ACME, short)


def test_kill_9_loses_nothing_and_the_same_index_goes_on(server: Milvus, index: VisitorIndex) -> None:
    visitors = people(500)
    index.upsert(ACME, visitors)
    _kill(server)
    with pytest.raises(IndexUnavailable):
        index.search(ACME, visitors[0][1])
    _revive(server)
    assert _searched_again(server, index, visitors[0][1])[0][0] == visitors[0][0]
    assert index.count(ACME) == 500
    index.delete(ACME, [visitors[0][0]])
    index.upsert(ACME, people(1, seed=9))
    assert index.count(ACME) == 500


@only_lite
def test_an_index_file_that_a_kill_cut_short_is_made_again(server: Milvus, index: VisitorIndex) -> None:
    visitor, embedding = people(1)[0]
    index.upsert(ACME, [(visitor, embedding)])
    index.search(ACME, embedding, timeout=5)
    made = f"collections/{index.collection}/**/*.idx"
    _wait_for(lambda: any(server.data.glob(made)))
    _kill(server)
    for file in server.data.glob(made):
        file.write_bytes(b"")
    _revive(server)
    _is_certain(_searched_again(server, index, embedding)[0], visitor)


@only_lite
def test_it_says_at_once_that_the_server_is_away(server: Milvus) -> None:
    port = ports.pick(None)
    index = VisitorIndex(f"http://user:s3cret@127.0.0.1:{port}", "pack")
    begin = time.monotonic()
    with pytest.raises(IndexUnavailable, match=re.escape(f"127.0.0.1:{port}")) as raised:
        index.search(ACME, embeddings(1)[0])
    with pytest.raises(IndexUnavailable, match="reindex"):
        index.upsert(ACME, people(1))
    assert time.monotonic() - begin < 5
    assert "s3cret" not in str(raised.value)


def test_a_server_that_hangs_is_given_up_in_time(server: Milvus, index: VisitorIndex) -> None:
    visitor, embedding = people(1)[0]
    index.upsert(ACME, [(visitor, embedding)])
    index.search(ACME, embedding, timeout=5)
    psutil.Process(_pid(server)).suspend()
    _wait_for(lambda: psutil.Process(_pid(server)).status() == psutil.STATUS_STOPPED)
    try:
        for asked in (index, VisitorIndex(server.url, "newcomer")):
            begin = time.monotonic()
            with pytest.raises(IndexUnavailable, match=r"in time|connect"):
                asked.search(ACME, embedding, timeout=0.3)
            assert time.monotonic() - begin < 5
    finally:
        psutil.Process(_pid(server)).resume()
    assert index.search(ACME, embedding, timeout=5)[0][0] == visitor


def test_writers_side_by_side_lose_nothing(server: Milvus, index: VisitorIndex) -> None:
    index.upsert(ACME, people(1))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda seed: index.upsert(ACME, people(50, seed)), range(8)))
    _kill(server)
    _revive(server)
    _searched_again(server, index, embeddings(1)[0])
    assert index.count(ACME) == 401


def _is_certain(hit: tuple[UUID, float], visitor: UUID) -> None:
    """The hit is this visitor, by the very embedding that was asked for."""
    assert hit[0] == visitor
    assert hit[1] == pytest.approx(1.0, abs=1e-5)


def _pid(server: Milvus) -> int:
    state = server.daemon.state
    assert state is not None
    assert state.pid is not None
    return state.pid


def _kill(server: Milvus) -> None:
    os.kill(_pid(server), signal.SIGKILL)
    _wait_for(lambda: not server.alive)


def _wait_for(happened: Callable[[], bool], seconds: float = 3) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def _revive(server: Milvus) -> None:
    """Starts it again on its port, if it was killed."""
    state = server.daemon.state
    assert state is not None
    if not server.alive:
        server.start(state.port)


def _searched_again(server: Milvus, index: VisitorIndex, embedding: Embedding) -> list[tuple[UUID, float]]:
    """The first answer once the connection is there again."""
    deadline = time.monotonic() + PATIENCE[type(server)]
    while True:
        try:
            return index.search(ACME, embedding, timeout=1)
        except IndexUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
