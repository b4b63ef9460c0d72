"""The common part of all embedded services: one background process with its state and its log."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from facetrack.devservices import process, state
from facetrack.devservices.causes import remedy
from facetrack.devservices.errors import ServiceFailed
from facetrack.devservices.process import SystemAccount
from facetrack.devservices.state import ServiceState

START_SECONDS = 60.0
MAX_LOG = 10 * 2**20


class Daemon:
    """A background process that writes `ready` to its log once it serves.

    `folder` holds its state, log and (by default) data; `steps` are the signals that stop it, with
    the seconds to wait after each.
    """

    def __init__(
        self, title: str, folder: Path, *, ready: str, steps: Sequence[tuple[signal.Signals, float]]
    ) -> None:
        self.title = title
        self.folder = folder
        self.log = folder / f"{folder.name}.log"
        self._ready = ready
        self._steps = steps
        self._state_file = folder / "state.json"

    @property
    def state(self) -> ServiceState | None:
        """The state that the last command left; None if the service never ran here."""
        return state.load(self._state_file)

    @property
    def alive(self) -> bool:
        """Whether our process runs and has been ready."""
        known = self.state
        return known is not None and known.ready and self._runs(known)

    @property
    def expected(self) -> bool:
        """Whether it should be running: it was started and not stopped since."""
        known = self.state
        return known is not None and known.pid is not None

    def launch(
        self,
        argv: Sequence[str],
        *,
        port: int,
        environ: Mapping[str, str] | None = None,
        account: SystemAccount | None = None,
    ) -> None:
        """Starts the process and returns when it is ready. Raises ServiceFailed, and leaves none behind."""
        with self._open_log() as log:
            begin = log.tell()
            pid = process.spawn(argv, log=log, environ=environ or {}, account=account)
        birth = process.born(pid)
        # Saved before it is ready: a crash of this command must not leave an unknown process.
        state.save(self._state_file, ServiceState(port, pid, birth))
        reason = self._wait(pid, begin)
        if reason:
            process.end(pid, birth, [(signal.SIGKILL, 5)])
            raise self.failure(reason, fix_hint=remedy(self._said(begin), self.folder))
        state.save(self._state_file, ServiceState(port, pid, birth, ready=True))

    def stop(self) -> None:
        """Stops the process if it runs. Raises ServiceFailed if it outlives every signal."""
        known = self.state
        if known is None or known.pid is None:
            return
        if self._runs(known) and not process.end(known.pid, known.born, self._steps):
            raise self.failure(f"process {known.pid} does not stop", fix_hint=f"kill -9 {known.pid}")
        state.save(self._state_file, ServiceState(known.port))

    def failure(self, reason: str, *, fix_hint: str) -> ServiceFailed:
        """The error to raise for this service, with its log."""
        return ServiceFailed(self.title, reason, fix_hint=fix_hint, log=self.log)

    def _runs(self, known: ServiceState) -> bool:
        return known.pid is not None and known.born is not None and process.born(known.pid) == known.born

    def _open_log(self) -> IO[bytes]:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > MAX_LOG:
            self.log.replace(self.log.with_suffix(".log.old"))
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        log = os.fdopen(descriptor, "ab")
        log.seek(0, os.SEEK_END)
        return log

    def _said(self, begin: int) -> str:
        """What its log holds from there on."""
        with self.log.open("rb") as log:
            log.seek(begin)
            return log.read().decode(errors="replace")

    def _wait(self, pid: int, begin: int) -> str:
        """Empty when the service is ready, else why it is not.

        The process's own log is read, not its port: another program might answer on that port.
        """
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._ready in self._said(begin):
                return ""
            if process.born(pid) is None:
                return "it ended while starting"
            time.sleep(process.POLL_SECONDS)
        return f"it was not ready after {START_SECONDS:.0f} s"
