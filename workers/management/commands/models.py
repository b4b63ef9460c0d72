"""`manage.py models list|ensure|verify [names…]`: the models for detecting and recognising faces."""

from __future__ import annotations

import argparse
import json
from functools import partial
from typing import IO, Any, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from workers.recognition.models.catalogue import MODELS, Model, Pack
from workers.recognition.models.store import Finding, ModelMissing, ModelStore

COLOURS = {"ready": "green", "damaged": "red", "missing": "yellow"}


class Command(BaseCommand):
    help = "List the known models with their licences, download them, verify the files on this machine."
    requires_system_checks: list[str] = []  # models are fetched before there is a database

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="list|ensure|verify")
        listing = actions.add_parser("list", help="list known models, files on this machine, and licences")
        listing.add_argument("--json", action="store_true", help="for programs")
        ensuring = actions.add_parser("ensure", help="download missing models (without names: those in use)")
        verifying = actions.add_parser("verify", help="check the files on this machine against their SHA-256")
        for action in (listing, ensuring, verifying):
            action.add_argument("names", nargs="*", type=_known, metavar="name", help="; ".join(MODELS))

    def handle(self, *, action: str, names: list[str], **options: Any) -> None:
        store = ModelStore(
            settings.FACETRACK_MODEL_DIR,
            settings.FACETRACK_CACHE_DIR,
            mirror=settings.FACETRACK_MODEL_MIRROR,
        )
        self.stdout.ending = ""  # rich ends its own lines
        if action == "list":
            self._list(store, names or list(MODELS), as_json=options["json"])
        elif action == "ensure":
            self._ensure(store, names or _in_use())
        else:
            self._verify(store, names)

    def _list(self, store: ModelStore, names: list[str], *, as_json: bool) -> None:
        findings = [store.inspect(name) for name in names]
        if as_json:
            self.stdout.write(json.dumps([_facts(finding) for finding in findings], indent=2) + "\n")
            return
        table = Table("Name", "Kind", "Size", "Numbers", "State", "Licence and what it allows")
        for finding in findings:
            model = finding.model
            numbers = str(model.dimension) if isinstance(model, Pack) else ""
            licence = f"{model.licence}. {model.permits}"
            table.add_row(model.name, model.kind, _megabytes(model.size), numbers, _state(finding), licence)
        console = self._console()
        console.print(table)
        console.print(f"model folder: {settings.FACETRACK_MODEL_DIR or 'none (FACETRACK_MODEL_DIR)'}")
        console.print(f"cache: {settings.FACETRACK_CACHE_DIR}")

    def _ensure(self, store: ModelStore, names: list[str]) -> None:
        troubles = []
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as progress:
            for name in names:
                task = progress.add_task(name, total=None, visible=False)
                try:
                    path = store.ensure(name, partial(_show, progress, task))
                except ModelMissing as error:
                    troubles.append(str(error))
                else:
                    model = MODELS[name]
                    self.stdout.write(f"{name}: {path}\n  {model.licence}. {model.permits}\n")
        if troubles:
            raise CommandError("\n".join(troubles))

    def _verify(self, store: ModelStore, names: list[str]) -> None:
        """Without names, a missing model is not an error; a damaged file always is."""
        table = Table("Name", "State", "File")
        troubles = []
        for finding in (store.inspect(name) for name in names or MODELS):
            model = finding.model
            table.add_row(model.name, _state(finding), escape(str(finding.path or "")))
            troubles += [
                f"model {model.name}: {damage.path} is damaged ({damage.reason}): {store.cure(model, damage)}"
                for damage in finding.damages
            ]
            if finding.state == "missing" and names:
                troubles.append(f"model {model.name} is not on this machine: {store.fix_hint(model)}")
        self._console().print(table)
        if troubles:
            raise CommandError("\n".join(troubles))

    def _console(self) -> Console:
        # A pipe has no width: this one is wide enough that few cells wrap.
        width = None if self.stdout.isatty() else 200
        return Console(file=cast("IO[str]", self.stdout), width=width)


def _known(name: str) -> str:
    if name not in MODELS:
        raise argparse.ArgumentTypeError(f"there is no model '{name}'; choose from {', '.join(MODELS)}")
    return name


def _in_use() -> list[str]:
    """The models that the settings select; a pack inside a package brings its own detector."""
    pack = settings.FACETRACK_PACK
    if pack in MODELS and MODELS[pack].package:
        return [pack]
    return [pack, settings.FACETRACK_DETECTOR]


def _show(progress: Progress, task: TaskID, done: int, total: int) -> None:
    progress.update(task, completed=done, total=total, visible=True)


def _facts(finding: Finding) -> dict[str, object]:
    model: Model = finding.model
    return {
        "name": model.name,
        "kind": model.kind,
        "state": finding.state,
        "place": finding.place,
        "path": str(finding.path) if finding.path else None,
        "damaged": [{"path": str(damage.path), "reason": damage.reason} for damage in finding.damages],
        "bytes": model.size,
        "dimension": model.dimension if isinstance(model, Pack) else None,
        "input": model.input,
        "licence": model.licence,
        "permits": model.permits,
        "page": model.page,
        "url": next((file.url for file in model.files if file.url), None),
        "sha256": {file.names[0]: file.sha256 for file in model.files},
    }


def _state(finding: Finding) -> str:
    where = f" ({finding.place})" if finding.path else ""
    return f"[{COLOURS[finding.state]}]{finding.state}[/]{where}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
