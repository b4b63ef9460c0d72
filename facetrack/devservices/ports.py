"""Ports for embedded services: the last port if it is free, else another free one."""

from __future__ import annotations

import secrets
import socket
import time

HOST = "127.0.0.1"
# Below the range from which systems take ports of outgoing connections (Linux: from 32768), so that
# a service that died finds its port free when it is started again.
LOWEST, HIGHEST = 20_000, 31_999
TRIES = 200


def is_free(port: int) -> bool:
    """Whether a service could listen on this port of the loopback interface now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the services do themselves: connections in TIME_WAIT do not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def pick(last: int | None, patience: float = 0) -> int:
    """`last` if it is free within `patience` seconds, else a random free port. Raises OSError if none is."""
    deadline = time.monotonic() + patience
    while last is not None:
        if is_free(last):
            return last
        if time.monotonic() >= deadline:
            break
        time.sleep(0.05)
    for _ in range(TRIES):
        port = LOWEST + secrets.randbelow(HIGHEST - LOWEST + 1)
        if is_free(port):
            return port
    raise OSError(f"no free port between {LOWEST} and {HIGHEST} on {HOST} in {TRIES} tries")
