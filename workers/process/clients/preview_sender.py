"""Sends live pictures of a worker at the edge to the installation."""

import logging
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, Protocol
from uuid import UUID

from workers.process.clients.api_client import PATIENCE, Reply, read, required
from workers.process.clients.fleet_client import NameTaken, Unavailable, WorkerRejected
from workers.process.clients.wire import MAX_PICTURE
from workers.process.sinks import outage

log = logging.getLogger(__name__)

WATCH_SECONDS = 1.0
"""Seconds between two requests for the watched cameras: one request for all of them."""
UNHURRIED = 2.0, 8.0


class Ask(Protocol):
    """Names the process that asks. Raises Unavailable, WorkerRejected, NameTaken; Unavailable is an outage if
    `noted`."""

    def __call__(
        self,
        method: str,
        address: str,
        *,
        patience: tuple[float, float] = PATIENCE,
        noted: bool = True,
        **body: Any,
    ) -> Reply: ...


class PreviewSender:
    """Sends pictures from its own thread, so that a slow line costs a camera no frame.

    Of each camera it sends the newest picture. For any thread; no method waits or raises.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._lock = Lock()
        self._sender = ThreadPoolExecutor(1, "live-pictures")
        self._watched: frozenset[UUID] = frozenset()
        self._ask_at, self._asking = float("-inf"), False
        self._newest: dict[UUID, tuple[int, bytes]] = {}

    def watched(self, camera: UUID) -> bool:
        """Whether a user watches the camera, as of the last second or two."""
        with self._lock:
            now = time.monotonic()
            if now >= self._ask_at and not self._asking and not outage.on():
                self._ask_at, self._asking = now + WATCH_SECONDS, True
                self._sender.submit(self._learn)
            return camera in self._watched

    def show(self, camera: UUID, epoch: int, picture: bytes) -> None:
        """Send this JPEG, unless a newer one replaces it first."""
        if len(picture) > MAX_PICTURE:
            return
        with self._lock:
            waits = camera in self._newest
            self._newest[camera] = epoch, picture
            if not waits:
                self._sender.submit(self._send, camera)

    def _learn(self) -> None:
        try:
            reply = required(self._ask("POST", "watched/", noted=False))
            found = read(reply, lambda body: frozenset(UUID(one) for one in body["cameras"]))
        except (Unavailable, WorkerRejected, NameTaken) as error:  # the worker process sees these errors, too
            log.debug("live pictures are not available: %s", error)
            found = frozenset()
        with self._lock:
            self._watched, self._asking = found, False

    def _send(self, camera: UUID) -> None:
        with self._lock:
            epoch, picture = self._newest.pop(camera)
        said = {"epoch": epoch, "picture": b64encode(picture).decode()}
        try:
            required(self._ask("POST", f"leases/{camera}/picture/", patience=UNHURRIED, noted=False, **said))
        except (Unavailable, WorkerRejected, NameTaken) as error:
            log.debug("a live picture did not arrive: %s", error)
