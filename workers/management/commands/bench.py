"""manage.py bench pipeline|search|decode|record: what recognition and recording cost here."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from workers.lab.bench.decode import decode_bench
from workers.lab.bench.recording import RecordingFailed, record_bench
from workers.lab.bench.run import BenchFigures, can_save, measure
from workers.lab.bench.search import search_bench
from workers.lab.clips.actors import ClipActor, NoActors, actors_of_folder, actors_of_packages
from workers.lab.clips.story import crowd
from workers.lab.clips.write import write_story
from workers.process.model_cache import model_store
from workers.recognition.capture import SourceError
from workers.recognition.capture.files.source import FileSource
from workers.recognition.models.loading import FaceModels, UnknownModelError, load
from workers.recognition.models.store import ModelMissing

CROWD = 8
ROWS = (1_000, 10_000, 100_000)


class Command(BaseCommand):
    help = (
        "Measures what recognition costs on this machine: the whole pipeline beside the naive InsightFace "
        "loop and the floor (decode, resize, bare detector) in the same run; the search; the ways to decode; "
        "how many tracks a second are recorded for one customer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["pipeline", "search", "decode", "record"])
        parser.add_argument(
            "clip", nargs="?", type=Path, help="default: a generated 1080p crowd with up to 8 moving faces"
        )
        parser.add_argument(
            "--people",
            type=Path,
            metavar="DIR",
            help="a folder with a sub-folder of pictures per person: half of them are enrolled and, without "
            "a clip, they are the people in it; default: the people of the packages' demo pictures",
        )
        parser.add_argument("--json", action="store_true", help="for programs")
        parser.add_argument("--cameras", type=_cameras, metavar="N", help="pipeline: also N cameras at once")
        parser.add_argument(
            "--seconds", type=_positive, default=12.0, help="of --cameras and record, default: %(default)s"
        )
        parser.add_argument("--fps", type=_positive, default=5.0, help="of --cameras, default: %(default)s")
        parser.add_argument("--side", type=int, default=640, help="analysed pixels, default: %(default)s")
        parser.add_argument("--rows", type=int, nargs="+", default=list(ROWS), help="search: templates")
        parser.add_argument(
            "--writers", type=_writers, default=8, help="record: cameras that record at once, default: 8"
        )
        parser.add_argument("--memory", action="store_true", help="pipeline: save nothing to the database")
        parser.add_argument("--pack", default=settings.FACETRACK_PACK, help="default: %(default)s")

    def handle(self, *args: Any, what: str, clip: Path | None, **options: Any) -> None:
        if what == "search":
            self._search(options["rows"], as_json=options["json"])
            return
        if what == "record":
            self._record(options)
            return
        try:
            models = load(options["pack"], "yunet", model_store())
            with self._clip(clip, models, options["people"]) as (path, actors):
                if what == "decode":
                    self._print_decode(decode_bench(path, options["side"]), as_json=options["json"])
                else:
                    self._pipeline(path, models, actors, options)
        except (SourceError, ModelMissing, UnknownModelError, NoActors) as error:
            raise CommandError(str(error)) from error
        except ImproperlyConfigured as error:
            raise CommandError(f"{error}; or measure without saving: --memory") from error

    @contextmanager
    def _clip(
        self, clip: Path | None, models: FaceModels, people: Path | None
    ) -> Iterator[tuple[Path, list[ClipActor]]]:
        if clip is not None:
            FileSource(str(clip), fps=25).close()  # raises for an unreadable clip
        actors = (
            actors_of_folder(models, people, None if clip else CROWD)
            if people
            else actors_of_packages(models)
        )
        if clip is not None:
            yield clip, actors
            return
        with tempfile.TemporaryDirectory(prefix="facetrack-bench-") as folder, self._progress() as progress:
            path, task = Path(folder) / "crowd.mp4", progress.add_task("making the clip", total=None)
            write_story(
                path,
                crowd(min(CROWD, len(actors))),
                actors[:CROWD],
                advance=lambda done, total: progress.update(task, completed=done, total=total),
            )
            progress.stop()
            yield path, actors[:CROWD]

    def _pipeline(
        self, clip: Path, models: FaceModels, actors: list[ClipActor], options: dict[str, Any]
    ) -> None:
        saved = not options["memory"] and can_save()
        if not saved and not options["memory"]:
            self.stderr.write(
                "The database is not migrated: sightings are kept in memory. Run `manage.py migrate_schemas` "
                "first to measure saving them, too."
            )
        with self._progress() as progress:
            total = FileSource(str(clip), fps=1000).frames or None
            bars = {name: progress.add_task(name, total=total) for name in ("floor", "ours", "naive")}
            figures = measure(
                clip,
                models,
                actors[::2],
                side=options["side"],
                saved=saved,
                cameras=options["cameras"],
                fps=options["fps"],
                seconds=options["seconds"],
                advance=lambda name, frames: progress.update(bars[name], completed=frames),
            )
        if options["json"]:
            self.stdout.write(json.dumps(figures.as_json(), indent=2))
        else:
            self._print_pipeline(figures)

    def _print_pipeline(self, figures: BenchFigures) -> None:
        table = Table("", "ms a frame", "CPU ms a frame", "who was named")
        for name, taken in figures.taken.items():
            named = figures.named.get(name)
            table.add_row(
                name,
                f"{taken.ms:.1f}",
                f"{taken.cpu_ms:.1f}",
                ", ".join(sorted(named)) if named is not None else "",
            )
        console = self._console()
        console.print(table)
        console.print(
            f"{figures.speedup:.1f} times as fast as the naive loop, {figures.over_floor:.2f} of the floor"
        )
        console.print(f"a still scene costs {figures.still:.3f} of a moving one, decoding excluded")
        if figures.capacity:
            seen = figures.capacity
            console.print(
                f"{seen.cameras} cameras: {seen.analysed:.2f} frames a second analysed of each, "
                f"{seen.dropped} dropped, {seen.cpu:.2f} cores used"
            )

    def _search(self, rows: list[int], *, as_json: bool) -> None:
        if any(not 1 <= count <= 1_000_000 for count in rows):
            raise CommandError("--rows takes numbers from 1 to 1000000")
        found = [search_bench(count, index=True) for count in rows]
        for each in found:
            if each.trouble:
                self.stderr.write(each.trouble)
        if as_json:
            facts = [
                {
                    "rows": each.rows,
                    "ours_ms": round(each.ours_ms, 4),
                    "bare_ms": round(each.bare_ms, 4),
                    "milvus_ms": None if each.milvus_ms is None else round(each.milvus_ms, 3),
                }
                for each in found
            ]
            self.stdout.write(json.dumps(facts, indent=2))
            return
        table = Table("Templates", "ours, ms", "bare product, ms", "Milvus, ms")
        for each in found:
            milvus = "" if each.milvus_ms is None else f"{each.milvus_ms:.1f}"
            table.add_row(f"{each.rows:,}", f"{each.ours_ms:.3f}", f"{each.bare_ms:.3f}", milvus)
        self._console().print(table)

    def _record(self, options: dict[str, Any]) -> None:
        if not can_save():
            raise CommandError("The database is not migrated: run `manage.py migrate_schemas` first.")
        try:
            figures = record_bench(
                writers=options["writers"],
                seconds=options["seconds"],
                pack=options["pack"],
                advance=lambda what: self.stderr.write(f"{what} ..."),
            )
        except (RecordingFailed, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(figures.as_json()))
            return
        table = Table("Tracks", "a second", "p95, ms")
        table.add_row("of known people", f"{figures.known_per_s:.0f}", f"{figures.known_p95_ms:.0f}")
        table.add_row("of new visitors", f"{figures.new_per_s:.0f}", f"{figures.new_p95_ms:.0f}")
        console = self._console()
        console.print(table)
        console.print(f"{figures.writers} writers, {figures.duplicates} duplicate visitors")

    def _print_decode(self, figures: dict[str, float], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({name: round(ms, 3) for name, ms in figures.items()}, indent=2))
            return
        table = Table("Way", "ms a frame")
        for name, ms in figures.items():
            table.add_row(name.removesuffix("_ms").replace("_", " "), f"{ms:.2f}")
        self._console().print(table)

    def _console(self) -> Console:
        width = None if self.stdout.isatty() else 120
        return Console(file=cast("IO[str]", self.stdout), width=width)

    def _progress(self) -> Progress:
        console = Console(file=sys.stderr)
        return Progress(console=console, transient=True, disable=not console.is_terminal)


def _cameras(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 200:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of cameras from 1 to 200")
    return int(text)


def _writers(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of writers from 1 to 64")
    return int(text)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.1 <= number <= 600:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 0.1 to 600")
    return number
