"""Several processes run together: restarted when they die, stopped together. `dev` and `demo` use it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

STOP_SECONDS = 10.0
MAX_PAUSE = 15.0
"""Seconds between two starts of a process that keeps dying."""
HEALTHY_SECONDS = 30.0


@dataclass(slots=True)
class Member:
    """One process: its command and its state."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    due: float = field(default=0.0)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


class ProcessGroup:
    """Keeps its members running. Output goes to `<logs>/<name>.log`, or to the terminal without `logs`."""

    def __init__(self, *, logs: Path | None, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._logs, self._environ, self._say = logs, dict(environ), say
        self._members: list[Member] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def add(self, name: str, command: Sequence[str]) -> None:
        """Start a process of the group."""
        member = Member(name, command)
        with self._lock:
            self._members.append(member)
            self._start(member)

    def restart_dead(self) -> None:
        """Restart members that have died; call it every second. The pause grows with each death in a row."""
        now = time.monotonic()
        with self._lock:
            if self._stopping.is_set():
                return
            for member in self._members:
                if member.alive:
                    continue
                if member.process is not None:
                    self._note_death(member, now)
                if now >= member.due:
                    self._start(member)

    def pid(self, name: str) -> int | None:
        return next((m.process.pid for m in self._members if m.name == name and m.process), None)

    def stop(self) -> None:
        """SIGTERM to all, SIGKILL to those that are left after STOP_SECONDS."""
        with self._lock:
            self._stopping.set()
            living = [member for member in self._members if member.alive]
            for member in living:
                _signal_group(member, signal.SIGTERM)
            deadline = time.monotonic() + STOP_SECONDS
            for member in living:
                assert member.process is not None  # noqa: S101  living ones have one
                try:
                    member.process.wait(max(0.1, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    _signal_group(member, signal.SIGKILL)
                    member.process.wait()

    def _start(self, member: Member) -> None:
        output = None
        if self._logs is not None:
            self._logs.mkdir(parents=True, exist_ok=True)
            output = (self._logs / f"{member.name}.log").open("ab")
        # A session of its own: Ctrl-C reaches only us, and we stop the group in order.
        member.process = subprocess.Popen(
            member.command,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            start_new_session=True,
        )
        member.started = time.monotonic()
        if output:
            output.close()

    def _note_death(self, member: Member, now: float) -> None:
        assert member.process is not None  # noqa: S101  callers have checked
        code = member.process.returncode
        member.process = None
        member.deaths = 1 if now - member.started > HEALTHY_SECONDS else member.deaths + 1
        pause = min(2.0 ** (member.deaths - 1), MAX_PAUSE)
        member.due = now + pause
        where = f", see {self._logs / (member.name + '.log')}" if self._logs else ""
        self._say(f"{member.name} ended with code {code}; starting it again in {pause:g} s{where}")


@contextmanager
def process_group(
    *, logs: Path | None = None, environ: Mapping[str, str] = os.environ, say: Callable[[str], None]
) -> Iterator[ProcessGroup]:
    """A group for the duration of a block."""
    members = ProcessGroup(logs=logs, environ=environ, say=say)
    try:
        yield members
    finally:
        members.stop()


def manage(*words: str) -> list[str]:
    """The command line of a management command of this installation."""
    return [sys.executable, str(Path(__file__).resolve().parents[2] / "manage.py"), *words]


def _signal_group(member: Member, number: signal.Signals) -> None:
    """To the process and its children: a reloader has a child that does the work."""
    assert member.process is not None  # noqa: S101  callers have checked
    with suppress(ProcessLookupError):
        os.killpg(member.process.pid, number)
