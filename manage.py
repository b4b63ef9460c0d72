#!/usr/bin/env python
"""FaceTrack's command line: `manage.py help` lists the commands.

A command runs with its backing services: those that the environment does not name start before
Django does and stop after it, unless another command still uses them.
"""

import gc
import os
import signal
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

# Commands that need no services. "makemigrations --check" is the command with that option only, with
# whatever value.
BARE = frozenset(
    {
        "check",
        "collectstatic",
        "compilemessages",
        "demo",
        "diffsettings",
        "findstatic",
        "help",
        "makemessages",
        "makemigrations --check",
        "make_clips",
        "models",
        "replay",
        "rotate_jwt_key",
        "services",
        "spectacular",
        "startapp",
        "version",
        "worker --server",  # which has those of the installation, behind that server
    }
)


MIN_ALLOCATIONS = 50_000
"""Between two garbage collections. A start makes a million objects and no garbage; with Python's 700, to
collect among them took a sixth of its time."""


def needs_services(argv: list[str]) -> bool:
    """Whether this command line is more than a question or one of `BARE`."""
    words = argv[1 : argv.index("--")] if "--" in argv else argv[1:]
    if not words or {"-h", "--help", "--version"} & set(words):
        return False
    return words[0] not in BARE and not any(
        f"{words[0]} {word.partition('=')[0]}" in BARE for word in words[1:]
    )


def services_root() -> Path:
    """Where embedded services keep everything: `services` in FACETRACK_VAR_DIR, by default `var` here."""
    return Path(os.environ.get("FACETRACK_VAR_DIR") or Path(__file__).parent / "var").resolve() / "services"


def main() -> None:
    """Runs one command; exits with its code, 130 after Ctrl-C and 143 after SIGTERM."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "facetrack.settings")
    gc.set_threshold(MIN_ALLOCATIONS)
    if isinstance(sys.stdout, TextIOWrapper):  # else a log or a pipe gets what a server says when it ends
        sys.stdout.reconfigure(line_buffering=True)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # which nohup has set
            signal.signal(number, _terminate)  # unlike the default, this still stops the services
    from django.core.management import execute_from_command_line

    if not needs_services(sys.argv):
        execute_from_command_line(sys.argv)
        return
    from facetrack.devservices import ServiceFailed, running

    try:
        with running(services_root()):
            execute_from_command_line(sys.argv)
    except ServiceFailed as failure:
        sys.exit(f"{failure}")


def _terminate(number: int, _: object) -> NoReturn:
    sys.exit(128 + number)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
