"""Milvus Lite's gRPC server, writes one at a time: `python -m facetrack.devservices.milvus_server DIR PORT`.

Milvus Lite 3.2 acknowledges concurrent writes and loses most of them when it is killed (its log is
not made for several writers), and its own server binds all interfaces. Reads still run side by side.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from milvus_lite.adapter.grpc.servicer import MilvusServicer
from milvus_lite.db import MilvusLite
from pymilvus.grpc_gen import milvus_pb2_grpc

HOST = "127.0.0.1"
THREADS = 8
CLEAN_MARK = "stopped-cleanly"
LARGEST_MESSAGE = 256 * 2**20
STOP_SECONDS = 5.0

READS = frozenset(
    {
        "CheckHealth",
        "Connect",
        "DescribeAlias",
        "DescribeCollection",
        "DescribeDatabase",
        "DescribeIndex",
        "GetCollectionStatistics",
        "GetCompactionState",
        "GetFlushState",
        "GetLoadState",
        "GetLoadingProgress",
        "GetPartitionStatistics",
        "GetVersion",
        "HasCollection",
        "HasPartition",
        "HybridSearch",
        "ListAliases",
        "ListDatabases",
        "Query",
        "Search",
        "ShowCollections",
        "ShowPartitions",
    }
)

OPTIONS = [
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", LARGEST_MESSAGE),
    ("grpc.so_reuseport", 0),  # otherwise a second server shares the port instead of being refused
    # pymilvus pings every 10 s; gRPC's default answers that with "too many pings" and hangs up.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),  # they come in bunches where the machine is busy
    ("grpc.keepalive_permit_without_calls", 1),
]


class OneWriter(grpc.ServerInterceptor):  # type: ignore[misc]  # grpc has no types
    """Serialises all calls that are not known to be read-only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def intercept_service(self, continuation: Callable[[Any], Any], details: Any) -> Any:
        """The handler of one call, behind the lock if it may write."""
        handler = continuation(details)
        method = details.method.rpartition("/")[2]
        if handler is None or method in READS or handler.unary_unary is None:
            return handler

        def behind_lock(request: Any, context: Any) -> Any:
            with self._lock:
                return handler.unary_unary(request, context)

        return grpc.unary_unary_rpc_method_handler(
            behind_lock, handler.request_deserializer, handler.response_serializer
        )


def drop_indexes_after_crash(folder: Path) -> None:
    """Removes index files unless the last server stopped cleanly; they are rebuilt from the rows.

    Milvus Lite writes them in place: a file that a kill cut short keeps its collection from ever loading.
    """
    mark = folder / CLEAN_MARK
    if not mark.exists():
        for ending in ("*.idx", "*.sidx"):
            for index in folder.rglob(ending):
                index.unlink()
    mark.unlink(missing_ok=True)


def serve(folder: str, port: int) -> None:
    """Serves this data folder until SIGINT or SIGTERM. Raises RuntimeError if the port is taken."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    database = MilvusLite(folder)  # raises if another process uses the folder
    drop_indexes_after_crash(Path(folder))
    workers = futures.ThreadPoolExecutor(THREADS)
    server = grpc.server(workers, interceptors=[OneWriter()], options=OPTIONS)
    milvus_pb2_grpc.add_MilvusServiceServicer_to_server(MilvusServicer(database), server)
    server.add_insecure_port(f"{HOST}:{port}")
    server.start()
    sys.stdout.write(f"listening on {HOST}:{port}\n")
    sys.stdout.flush()
    stopped.wait()
    server.stop(STOP_SECONDS).wait()
    database.close()
    (Path(folder) / CLEAN_MARK).touch()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
