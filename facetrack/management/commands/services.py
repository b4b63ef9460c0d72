"""`manage.py devservices start|stop|status|run`: the embedded backing services, for developers and
scripts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Column, Table

from facetrack import devservices

LOOK_SECONDS = 2.0
FILE_WIDTH = 200  # characters a line if the table goes into a file or a pipe
NOT_FOUND, SIGNALLED = 127, 128  # exit codes, as a shell gives them


class Command(BaseCommand):
    help = (
        "Start, stop and show the PostgreSQL, Valkey and Milvus Lite that this installation runs itself. "
        "If DATABASE_URL, REDIS_URL or MILVUS_URI is set, that server is used and none is started."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`run` takes its command after `--`."""
        parser.add_argument("action", choices=["start", "stop", "status", "run"])
        parser.add_argument("command", nargs="*", help="for run: `-- CMD ARGS`")
        parser.add_argument("--force", action="store_true", help="for stop: even if they are in use")
        parser.add_argument("--wipe", action="store_true", help="for stop: delete all their data")

    def handle(self, *args: Any, **options: Any) -> None:
        """Runs the action; a service that fails becomes a CommandError."""
        root: Path = settings.VAR_DIR.resolve() / "services"
        action: str = options["action"]
        try:
            if action == "run":
                sys.exit(_run(root, options["command"]))
            elif action == "stop":
                devservices.stop(root, force=options["force"], wipe=options["wipe"])
            elif action == "start":
                devservices.keep(root)
            _show(root)
        except devservices.ServiceFailed as failure:
            raise CommandError(str(failure)) from failure


def _show(root: Path) -> None:
    table = Table("service", "state", "address", "pid", "version", Column("data", overflow="fold"))
    for line in devservices.standings(root):
        pid = str(line.pid) if line.pid else ""
        table.add_row(line.title, line.state, line.address, pid, line.version, line.data)
    width = None if sys.stdout.isatty() else FILE_WIDTH
    Console(width=width).print(table)


def _run(root: Path, command: list[str]) -> int:
    """Runs a command with the services, restarts those that die meanwhile, and returns its exit code."""
    if not command:
        raise CommandError("Nothing to run. Give a command: manage.py services run -- psql --version")
    with devservices.running(root):
        try:
            child = subprocess.Popen(command)
        except OSError as error:
            sys.stderr.write(f"{command[0]} cannot be run: {error.strerror}\n")
            return NOT_FOUND
        return _wait(child, root)


def _wait(child: subprocess.Popen[bytes], root: Path) -> int:
    # Ctrl-C reaches the child by itself; SIGTERM is sent to this process alone.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, _: os.kill(child.pid, number))
    while True:
        try:
            code = child.wait(LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            _revive(root)
        else:
            return SIGNALLED - code if code < 0 else code


def _revive(root: Path) -> None:
    try:
        revived = devservices.ensure(root)
    except devservices.ServiceFailed as failure:
        sys.stderr.write(f"{failure}\n")
    else:
        for title in revived:
            sys.stderr.write(f"{title} died and was restarted\n")
