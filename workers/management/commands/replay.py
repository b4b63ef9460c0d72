"""`manage.py replay CLIP`: the people in a clip, with a folder of people as staff. Needs no services."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from cameras.models import Camera
from facetrack.core.text import shown
from workers.lab.picture_folders import enrol_people, people_in
from workers.process.model_cache import model_store
from workers.recognition.capture import SourceError, loss_text
from workers.recognition.capture.files.source import FileSource
from workers.recognition.config import CameraConfig, PipelineConfig
from workers.recognition.models.loading import FaceModels, UnknownModelError, load
from workers.recognition.models.store import ModelMissing
from workers.recognition.orientation import MAX_PIXEL_ASPECT, MIN_PIXEL_ASPECT, Orientation, QuarterTurn
from workers.recognition.replay import MemoryGallery, Replayed, replay
from workers.recognition.types import Decision, TrackReport

COLOURS = {
    Decision.STAFF: "green",
    Decision.VISITOR: "cyan",
    Decision.NEW_VISITOR: "blue",
    Decision.UNSURE: "yellow",
    Decision.REJECTED: "dim",
}


class Command(BaseCommand):
    help = "Run the recognition on a clip and print each track. Needs no services and saves nothing."
    requires_system_checks: list[str] = []  # there is no database to check

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("clip", type=Path, metavar="CLIP", help="a video or an animated GIF")
        parser.add_argument(
            "--enrol",
            type=Path,
            metavar="DIR",
            help="the staff: a folder with a sub-folder of pictures per person",
        )
        parser.add_argument("--json", action="store_true", help="for programs")
        parser.add_argument(
            "--pack", default=settings.FACETRACK_PACK, help="model pack (default: %(default)s)"
        )
        parser.add_argument(
            "--detector", default=settings.FACETRACK_DETECTOR, help="face detector (default: %(default)s)"
        )
        parser.add_argument(
            "--fps",
            type=_rate,
            default=CameraConfig().fps,
            help="analysed frames a second (default: %(default)s)",
        )

        parser.add_argument(
            "--turn",
            type=int,
            choices=[int(turn) for turn in QuarterTurn],
            default=0,
            help="degrees clockwise",
        )
        parser.add_argument("--mirrored", action="store_true", help="exchange left and right after turning")
        parser.add_argument(
            "--pixel-aspect",
            type=_pixel_aspect,
            metavar="RATIO",
            help="width over height of a pixel (default: as the clip says)",
        )

    def handle(self, *, clip: Path, enrol: Path | None, json: bool, fps: float, **options: Any) -> None:
        try:
            orientation = Orientation(
                QuarterTurn(options["turn"]), options["mirrored"], options["pixel_aspect"]
            )
            source = FileSource(str(clip), fps=fps, orientation=orientation)
            models = load(options["pack"], options["detector"], model_store())
            gallery = MemoryGallery(models.thresholds.match)
            with self._progress() as progress:
                if enrol is not None:
                    self._enrol(models, gallery, enrol, progress)
                replayed = self._replay(models, gallery, source, fps, progress)
        except (SourceError, ModelMissing, UnknownModelError) as error:
            raise CommandError(str(error)) from error
        if json:
            self._print_json(replayed)
        else:
            self._print_table(replayed, clip)

    def _progress(self) -> Progress:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = Console(file=cast(IO[str], self.stderr), stderr=True)
        return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)

    def _enrol(self, models: FaceModels, gallery: MemoryGallery, folder: Path, progress: Progress) -> None:
        try:
            people = people_in(folder)
        except OSError as error:
            fix_hint = "name a folder with one sub-folder of pictures per person"
            raise CommandError(f"{folder} cannot be read ({error.strerror}): {fix_hint}") from error
        if not people:
            raise CommandError(
                f"{folder} has no sub-folders: make one for each person, named after the person"
            )
        pictures = sum(len(paths) for paths in people.values())
        task = progress.add_task(f"enrolling {len(people)} people", total=pictures)
        for refusal in enrol_people(models, gallery, people, folder):
            progress.advance(task)
            if refusal is not None:
                progress.console.print(escape(shown(f"{refusal.path}: {refusal.reason}")), soft_wrap=True)

    def _replay(
        self, models: FaceModels, gallery: MemoryGallery, source: FileSource, fps: float, progress: Progress
    ) -> Replayed:
        task = progress.add_task("replaying", total=source.frames or None)
        config = PipelineConfig(camera=CameraConfig(fps=fps))
        return replay(
            models, gallery, source, config, lambda index: progress.update(task, completed=index + 1)
        )

    def _print_json(self, replayed: Replayed) -> None:
        self.stdout.write(
            json.dumps(
                {
                    "tracks": [_facts(report) for report in replayed.tracks],
                    "frames": replayed.counters.frames,
                    "lost_frames": replayed.lost,
                    "lost_seconds": round(replayed.lost / replayed.fps, 1),
                    "picture_problem": replayed.picture_problem or "",
                }
            )
        )

    def _print_table(self, replayed: Replayed, clip: Path) -> None:
        table = Table(title=escape(shown(clip.name)))
        for heading in ("Track", "Frames", "Faces", "Usable", "Decision", "Who", "Score"):
            table.add_column(heading, no_wrap=True)
        table.add_column("Why")
        for report in replayed.tracks:
            verdict = report.verdict
            table.add_row(
                str(report.track),
                f"{report.first_frame}-{report.last_frame}",
                str(report.faces),
                str(report.usable_faces),
                f"[{COLOURS[verdict.decision]}]{verdict.decision.value}[/]",
                escape(verdict.identity or ""),
                f"{verdict.score:.2f}" if verdict.score else "",
                escape(verdict.reason),
            )
        console = Console(file=cast(IO[str], self.stdout))
        if not console.is_terminal:
            console.width = 120
        self.stdout.ending = ""  # rich ends its own lines
        console.print(table)
        counts = Counter(report.verdict.decision.value for report in replayed.tracks)
        summary = ", ".join(f"{number} {decision}" for decision, number in counts.most_common())
        frames = replayed.counters.frames
        console.print(f"{frames} frames analysed in {replayed.seconds:.1f} s: {summary or 'no faces seen'}")
        if replayed.picture_problem:
            told = Camera.PictureProblem(replayed.picture_problem).label
            console.print(f"[yellow]Nothing can be seen: {told}.[/]", soft_wrap=True)
        if replayed.lost:
            console.print(f"[yellow]Damaged: {loss_text(replayed.lost, replayed.fps)}[/]", soft_wrap=True)


def _facts(report: TrackReport) -> dict[str, object]:
    verdict = report.verdict
    return {
        "id": report.track,
        "first_frame": report.first_frame,
        "last_frame": report.last_frame,
        "decision": verdict.decision.value,
        "identity": verdict.identity if verdict.decision is Decision.STAFF else None,
        "score": round(verdict.score, 2),
        "faces": report.faces,
    }


def _pixel_aspect(text: str) -> float:
    try:
        return Orientation(pixel_aspect=float(text)).pixel_aspect or 1.0
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a ratio from {MIN_PIXEL_ASPECT:g} to {MAX_PIXEL_ASPECT:g}"
        ) from None


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0.1 <= rate <= 120:
        raise argparse.ArgumentTypeError(f"'{text}' is not a rate between 0.1 and 120 frames a second")
    return rate
