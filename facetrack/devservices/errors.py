"""The error of an embedded service that did not start or stop."""

from __future__ import annotations

from pathlib import Path

SHOWN_LINES = 8
TAIL_BYTES = 8192


class ServiceFailed(Exception):
    """An embedded service did not start or stop.

    The message names the service, the reason, the last lines of its log and what to do. It never
    contains a password: passwords live in files of mode 0600 and no service writes them to its log.
    """

    def __init__(self, service: str, reason: str, *, fix_hint: str, log: Path | None = None) -> None:
        shown = last_lines(log) if log else ""
        excerpt = f"\nLast lines of {log}:\n{shown}" if shown else ""
        super().__init__(f"{service}: {reason}.{excerpt}\nWhat to do: {fix_hint}.")
        self.service = service


def last_lines(log: Path, count: int = SHOWN_LINES) -> str:
    """The last `count` lines of a log, indented; empty if there is no log."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"  {line}" for line in lines[-count:])
