"""The only access to Milvus: visitors' embeddings, searched one tenant at a time.

Milvus is an index that can be rebuilt from PostgreSQL at any time; it holds no only copy of any data. A model
pack has one collection, a tenant one partition of it, and each row names the site of its visitor. Three
measures keep tenants apart: the partition, the primary key (which contains the tenant: Milvus Lite looks keys
up in all partitions, so that another tenant's delete or upsert would reach a bare visitor's id) and a check
of each hit.

Milvus is either Milvus Lite, where a write is seen at once, or a server, where searches lag behind writes by
up to some seconds. There the writer waits, by one strongly consistent read after each write, until every
search sees what it wrote; searches themselves wait for nothing (docs/performance.md has the cost of both).

Embeddings are float32 (512,), L2-normalised; a score is their inner product, -1..1, higher is closer.

Importing this module takes a second, because pymilvus imports pandas: import it where the index is used
(`visits.index.visitor_index`).
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import grpc
import numpy as np
from numpy.typing import NDArray
from pymilvus import DataType, MilvusClient
from pymilvus.exceptions import MilvusException

from facetrack.core.addresses.loopback import is_loopback
from facetrack.core.vector_errors import ForeignTenant, IndexUnavailable

Embedding = NDArray[np.float32]
Row = tuple[UUID, Embedding]
Hit = tuple[UUID, float]
Answer = TypeVar("Answer")

DIMENSION = 512
BATCH = 1_000  # rows per request: 2 MB, well below the 64 MB that Milvus accepts
WRITE_SECONDS = 30.0
CONNECT_SECONDS = 5.0  # for writes; a search has its own, shorter time
COUNT_SECONDS = 10.0
SHORTEST = 0.05  # seconds for a step when the others took all the time
FIELDS = ("id", "tenant", "site", "embedding")
NLIST, NPROBE = 128, 16  # IVF_FLAT: into how many lists rows are sorted, how many a search reads

# Error codes of Milvus 2.x, which Milvus Lite shares: merr.go. A missing partition has none that all share.
NO_COLLECTION, NOT_LOADED = 100, 101

# A read that waits for all earlier writes, and one that takes what is there, which is 5 s old at most.
SEES_ALL, SEES_SETTLED = "Strong", "Bounded"

# After an outage gRPC waits up to two minutes before it tries again; measured: 18 s late after 25 s away.
RECONNECT = {
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.min_reconnect_backoff_ms": 2_000,  # in truth the time that one attempt may take
    "grpc.max_reconnect_backoff_ms": 500,
}

# Errors are raised from here in one sentence; pymilvus would log several pages of traceback, too.
logging.getLogger("pymilvus").setLevel(logging.CRITICAL)


class VisitorIndex:
    """The visitors of all tenants for one model pack. Connects on first use; safe for threads and forks.

    `index_type` is the type of a new collection: FLAT is exact; IVF_FLAT misses a few and answers 5 times
    faster from 10,000 visitors on.
    """

    def __init__(self, uri: str, pack: str, *, index_type: Literal["FLAT", "IVF_FLAT"] = "FLAT") -> None:
        self.collection = f"face_embeddings_{pack.replace('-', '_')}"
        self.address = urlsplit(uri).netloc.rpartition("@")[2]
        # gRPC would ask the proxy of the environment even for this machine.
        self._is_near = is_loopback(urlsplit(uri).hostname or "")
        self._uri = uri
        self._index_type = index_type
        self._lock = threading.Lock()
        self._client: MilvusClient | None = None
        self._owner = 0
        self._lite = False
        self._prepared: set[UUID] = set()

    def upsert(self, tenant: UUID, rows: Iterable[Row], site: UUID | None = None) -> int:
        """Adds a site's visitors or replaces their embeddings; returns their number.

        Durable on return, and found by every search from then on.
        """
        _require_uuid(tenant)
        return self._tell("write", lambda client: self._write(client, tenant, rows, site))

    def ready(self, tenant: UUID) -> bool:
        """Whether there are rows of this tenant, in a collection that this code can use.

        A collection of an older version is dropped and created again: the caller has to fill it.
        """
        _require_uuid(tenant)
        self._tell("prepare", lambda client: self._prepare(client, tenant))
        return self.count(tenant) > 0

    def delete(self, tenant: UUID, visitors: Sequence[UUID]) -> None:
        """Removes these visitors; missing ones are not an error.

        Durable on return, and found by no search from then on.
        """
        _require_uuid(tenant)

        def remove(client: MilvusClient) -> None:
            self._prepare(client, tenant)
            for some in _batches(visitors):
                keys = [_key(tenant, visitor) for visitor in some]
                client.delete(
                    self.collection, ids=keys, partition_name=_partition(tenant), timeout=WRITE_SECONDS
                )
                self._settle(client, tenant, keys, there=False)

        self._tell("delete from", remove)

    def search(
        self,
        tenant: UUID,
        embedding: Embedding,
        limit: int = 5,
        timeout: float = 0.3,
        site: UUID | None = None,
    ) -> list[Hit]:
        """The nearest visitors of this tenant, or of one of its sites, best first; empty if there are none.

        `timeout` in seconds covers the whole call: connecting, loading after a restart, searching.
        Raises IndexUnavailable and ForeignTenant.
        """
        _require_uuid(tenant)
        query = np.ascontiguousarray(embedding, dtype=np.float32)
        if query.shape != (DIMENSION,):
            raise ValueError(f"an embedding has the shape ({DIMENSION},), this one {query.shape}")

        def find(client: MilvusClient, seconds: float) -> list[Hit]:
            found = client.search(
                self.collection,
                data=[query],
                limit=limit,
                output_fields=["tenant"],
                partition_names=[_partition(tenant)],
                filter=f'site == "{site.hex}"' if site else "",
                search_params={"params": {"nprobe": NPROBE}} if self._index_type == "IVF_FLAT" else {},
                consistency_level=SEES_SETTLED,
                timeout=seconds,
            )
            return [_hit(tenant, hit) for hit in found[0]]

        return self._ask("search", tenant, find, nothing=[], seconds=timeout)

    def count(self, tenant: UUID) -> int:
        """The number of this tenant's visitors in the index."""
        _require_uuid(tenant)

        def measure(client: MilvusClient, seconds: float) -> int:
            partition = _partition(tenant)
            if self._lite:
                # Its count(*) ignores the partition, or reads every row if it is filtered.
                stats = client.get_partition_stats(self.collection, partition, timeout=seconds)
                return int(stats["row_count"])
            rows = client.query(
                self.collection,
                output_fields=["count(*)"],
                partition_names=[partition],
                consistency_level=SEES_ALL,
                timeout=seconds,
            )
            return int(rows[0]["count(*)"])

        return self._ask("count", tenant, measure, nothing=0, seconds=COUNT_SECONDS)

    def drop_tenant(self, tenant: UUID) -> None:
        """Removes all rows of this tenant. Not an error if there are none."""
        _require_uuid(tenant)
        self._tell("drop a tenant of", lambda client: self._drop(client, tenant))

    def rebuild(self, tenant: UUID, rows: Iterable[Row]) -> int:
        """Replaces all rows of this tenant by `rows` (read once, in batches); returns their number.

        A concurrent search finds part of them. After an error a part remains: rebuild again.
        """
        _require_uuid(tenant)

        def replace(client: MilvusClient) -> int:
            self._drop(client, tenant)
            return self._write(client, tenant, rows)

        return self._tell("rebuild", replace)

    def close(self) -> None:
        """Closes the connection; the next call opens a new one."""
        with self._lock:
            if self._client is not None and self._owner == os.getpid():
                self._client.close()
            self._client = None
            self._prepared.clear()

    def _write(
        self, client: MilvusClient, tenant: UUID, rows: Iterable[Row], site: UUID | None = None
    ) -> int:
        self._prepare(client, tenant)
        written, keys = 0, list[str]()
        for some in _batches(rows):
            last = dict(some)  # a server keeps both of one key that comes twice
            data = [_row(tenant, site, visitor, embedding) for visitor, embedding in last.items()]
            client.upsert(self.collection, data, partition_name=_partition(tenant), timeout=WRITE_SECONDS)
            written += len(data)
            keys = [row["id"] for row in data]
        if written:  # what sees the last batch sees the others
            self._settle(client, tenant, keys, there=True)
        return written

    def _settle(self, client: MilvusClient, tenant: UUID, keys: list[str], *, there: bool) -> None:
        """Returns when what was written is durable and every search sees it. Raises MilvusException."""
        if self._lite:
            client.flush(self.collection, timeout=WRITE_SECONDS)
            return
        # A server keeps its own write-ahead log, and allows one flush in ten seconds.
        found = client.query(
            self.collection,
            ids=keys,
            output_fields=["id"],
            partition_names=[_partition(tenant)],
            consistency_level=SEES_ALL,
            timeout=WRITE_SECONDS,
        )
        if len(found) != (len(set(keys)) if there else 0):
            raise MilvusException(message="it does not have what was just written to it")

    def _drop(self, client: MilvusClient, tenant: UUID) -> None:
        partition = _partition(tenant)
        self._prepared.discard(tenant)
        if not client.has_collection(self.collection, timeout=WRITE_SECONDS):
            return
        if client.has_partition(self.collection, partition, timeout=WRITE_SECONDS):
            if not self._lite:  # a server drops no loaded partition; Milvus Lite cannot unload one
                client.release_partitions(self.collection, partition, timeout=WRITE_SECONDS)
            client.drop_partition(self.collection, partition, timeout=WRITE_SECONDS)

    def _prepare(self, client: MilvusClient, tenant: UUID) -> None:
        """Creates the collection and the tenant's partition if they are missing, and loads them."""
        if tenant in self._prepared:
            return
        known = client.has_collection(self.collection, timeout=WRITE_SECONDS)
        if known and not self._is_current(client):
            client.drop_collection(self.collection, timeout=WRITE_SECONDS)
            known = False
        if not known:
            client.create_collection(self.collection, schema=_schema(), timeout=WRITE_SECONDS)
        if not client.list_indexes(self.collection, timeout=WRITE_SECONDS):
            self._create_index(client)
        if not client.has_partition(self.collection, _partition(tenant), timeout=WRITE_SECONDS):
            client.create_partition(self.collection, _partition(tenant), timeout=WRITE_SECONDS)
        client.load_collection(self.collection, timeout=WRITE_SECONDS)
        self._prepared.add(tenant)

    def _is_current(self, client: MilvusClient) -> bool:
        """Whether the rows have all present fields: those of older versions name no site."""
        found = client.describe_collection(self.collection, timeout=WRITE_SECONDS)
        return {field["name"] for field in found["fields"]} == set(FIELDS)

    def _create_index(self, client: MilvusClient) -> None:
        index = client.prepare_index_params()
        params = {"nlist": NLIST} if self._index_type == "IVF_FLAT" else {}
        index.add_index("embedding", index_type=self._index_type, metric_type="IP", params=params)
        # Not waited for: pymilvus would sleep half a second, and loading waits for it on the server.
        client.create_index(self.collection, index, timeout=WRITE_SECONDS, sync=False)

    def _tell(self, verb: str, work: Callable[[MilvusClient], Answer]) -> Answer:
        """Changes the index. After an error the next call prepares everything again."""
        try:
            return work(self._connected(CONNECT_SECONDS))
        except (MilvusException, grpc.RpcError) as error:
            self._prepared.clear()
            raise self._unavailable(verb, error) from None

    def _ask(
        self,
        verb: str,
        tenant: UUID,
        work: Callable[[MilvusClient, float], Answer],
        *,
        nothing: Answer,
        seconds: float,
    ) -> Answer:
        """Queries the index within `seconds`; `nothing` is the answer if it has no rows of this tenant."""
        deadline = time.monotonic() + seconds

        def left() -> float:
            return max(SHORTEST, deadline - time.monotonic())

        try:
            client = self._connected(min(left(), CONNECT_SECONDS))
            try:
                return work(client, left())
            except MilvusException as error:
                if not self._holds(client, tenant, left()):
                    return nothing
                if error.code != NOT_LOADED:
                    raise
                # The server was restarted: it has the rows, but searches only loaded ones.
                client.load_collection(self.collection, timeout=left())
                return work(client, left())
        except (MilvusException, grpc.RpcError) as error:
            raise self._unavailable(verb, error) from None

    def _holds(self, client: MilvusClient, tenant: UUID, seconds: float) -> bool:
        """Whether there is a partition of this tenant: servers answer in many ways that there is none."""
        try:
            return bool(client.has_partition(self.collection, _partition(tenant), timeout=seconds))
        except MilvusException as error:
            if error.code == NO_COLLECTION:
                return False
            raise

    def _connected(self, seconds: float) -> MilvusClient:
        """The client of this process; a fork must not use its parent's."""
        with self._lock:
            if self._client is None or self._owner != os.getpid():
                options = RECONNECT | ({"grpc.enable_http_proxy": 0} if self._is_near else {})
                client = MilvusClient(self._uri, timeout=seconds, dedicated=True, grpc_options=options)
                try:
                    self._lite = client.get_server_version(timeout=seconds).startswith("milvus_lite")
                except (MilvusException, grpc.RpcError):
                    client.close()
                    raise
                self._client, self._owner = client, os.getpid()
                self._prepared.clear()
            return self._client

    def _unavailable(self, verb: str, error: Exception) -> IndexUnavailable:
        return IndexUnavailable(
            f"Cannot {verb} the visitors' index {self.collection} on the Milvus server at {self.address}: "
            f"{_reason(error)}. Check whether that server runs (`manage.py services status`, MILVUS_URI). "
            "The visitors themselves are in PostgreSQL, and `manage.py reindex` rebuilds the index."
        )


def _require_uuid(tenant: object) -> None:
    if not isinstance(tenant, UUID):
        raise TypeError(f"a tenant is named by its UUID, not by {type(tenant).__name__}")


def _schema() -> Any:
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=65)
    schema.add_field("tenant", DataType.VARCHAR, max_length=32)
    schema.add_field("site", DataType.VARCHAR, max_length=32)
    schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=DIMENSION)
    return schema


def _partition(tenant: UUID) -> str:
    return f"t_{tenant.hex}"


def _key(tenant: UUID, visitor: UUID) -> str:
    return f"{tenant.hex}_{visitor.hex}"


def _row(tenant: UUID, site: UUID | None, visitor: UUID, embedding: Embedding) -> dict[str, Any]:
    vector = np.ascontiguousarray(embedding, dtype=np.float32)
    if vector.shape != (DIMENSION,) or not np.isfinite(vector).all():
        raise ValueError(f"visitor {visitor}: an embedding is {DIMENSION} finite numbers, not {vector.shape}")
    of = {"tenant": tenant.hex, "site": site.hex if site else ""}
    return {"id": _key(tenant, visitor), "embedding": vector, **of}


def _hit(tenant: UUID, hit: Any) -> Hit:
    owner, _, visitor = hit["id"].partition("_")
    if owner != tenant.hex or hit["entity"]["tenant"] != tenant.hex:
        raise ForeignTenant(f"a search for tenant {tenant} returned a row of another tenant: {hit['id']}")
    return UUID(visitor), float(hit["distance"])


def _batches(items: Iterable[Answer]) -> Iterator[list[Answer]]:
    rest = iter(items)
    while some := list(islice(rest, BATCH)):
        yield some


def _reason(error: Exception) -> str:
    """The error in one line."""
    if isinstance(error, MilvusException):
        return str(error.message).split(", debug=")[0].splitlines()[0]
    if isinstance(error, grpc.RpcError) and callable(getattr(error, "code", None)):
        return "no answer in time" if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED else error.code().name
    return type(error).__name__
