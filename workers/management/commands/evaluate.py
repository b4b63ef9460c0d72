"""manage.py evaluate DIR: error rates of the recognition, and the thresholds that follow from them."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from facetrack.core.text import shown
from staff.actions import apply_thresholds
from staff.gallery import enrolled_faces, other_packs
from staff.models import MatchThresholds
from tenants.isolation.context import inside
from tenants.queries import TenantMissing, customer
from workers.lab.clips.write import BadTruth
from workers.lab.evaluation import report
from workers.lab.evaluation.assessment import ALARM_LIMIT, Assessment, assess_people
from workers.lab.evaluation.clips import Tracked, assess_clip, labelled_clips
from workers.lab.evaluation.faces import NotEvaluable, labelled_faces
from workers.lab.evaluation.plot import save_plot
from workers.lab.evaluation.turned import assess_turned
from workers.lab.picture_folders import enrol_people, people_in
from workers.process.model_cache import model_store
from workers.recognition.capture import SourceError
from workers.recognition.models.loading import FaceModels, UnknownModelError, load
from workers.recognition.models.store import ModelMissing
from workers.recognition.replay import MemoryGallery


class Command(BaseCommand):
    help = (
        "Measures the recognition on labelled faces: a folder with a sub-folder of pictures for each person, "
        "or a folder of clips with their truth (see make_clips). Recommends thresholds; --apply sets them."
    )
    requires_system_checks: list[str] = []  # without --apply there is no database to check

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR")
        parser.add_argument("--pack", default=settings.FACETRACK_PACK, help="default: %(default)s")
        parser.add_argument("--detector", default=settings.FACETRACK_DETECTOR, help="default: %(default)s")
        parser.add_argument(
            "--turned",
            action="store_true",
            help="measure what becomes of these faces when they are turned or mirrored, and print JSON",
        )
        parser.add_argument("--json", action="store_true", help="for programs")
        parser.add_argument("--plot", type=Path, metavar="FILE", help="ROC and DET curves as PNG")
        parser.add_argument(
            "--gallery", type=_count, metavar="N", help="recommend thresholds for this many enrolled people"
        )
        parser.add_argument("--enrol", type=Path, metavar="DIR", help="clips: folder of enrolled people")
        parser.add_argument("--fps", type=float, default=10.0, help="clips: frames analysed per second")
        parser.add_argument("--apply", metavar="TENANT", help="set the recommended thresholds there")
        parser.add_argument(
            "--force", action="store_true", help="apply them although they predict too many false alarms"
        )

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        try:
            clips = labelled_clips(folder) if folder.is_dir() else []
            self._refuse_early(options)
            models = load(options["pack"], options["detector"], model_store())
            if options["turned"]:
                self._turned(models, folder)
            elif clips:
                self._clips(models, clips, options)
            else:
                self._people(models, folder, options)
        except (NotEvaluable, BadTruth, SourceError, ModelMissing, UnknownModelError, TenantMissing) as error:
            raise CommandError(str(error)) from error

    def _refuse_early(self, options: dict[str, Any]) -> None:
        """Errors that are better found before minutes of measuring."""
        if options["turned"] and (options["plot"] or options["apply"]):
            raise CommandError("--turned only measures: leave out --apply and --plot")
        if options["plot"] and not options["plot"].parent.is_dir():
            raise CommandError(f"{options['plot']} cannot be written: name a file in an existing folder")
        if options["apply"]:
            self._refuse_other_packs(options["apply"], options["pack"])

    def _refuse_other_packs(self, name: str, pack: str) -> None:
        tenant = customer(name)
        with inside(tenant):
            others = other_packs(pack)
        if others:
            made = ", ".join(f"{count} with {other}" for other, count in others.items())
            raise CommandError(
                f"{tenant} has enrolment pictures of another model pack ({made}), which cannot be compared "
                f"with {pack}: run `manage.py enrol --again --tenant {name}` first"
            )

    def _people(self, models: FaceModels, folder: Path, options: dict[str, Any]) -> None:
        with self._progress() as progress:
            reading = progress.add_task("reading pictures", total=None)
            found = labelled_faces(
                models, folder, lambda done, total: progress.update(reading, completed=done, total=total)
            )
            measuring = progress.add_task("measuring", total=None)
            assessed = assess_people(
                found,
                models.thresholds,
                options["gallery"],
                lambda done, total: progress.update(measuring, completed=done, total=total),
            )
        for picture, reason in found.unreadable:
            self.stderr.write(f"{folder / picture}: {reason}")
        if options["plot"]:
            self._plot(options["plot"], assessed)
        if options["json"]:
            self.stdout.write(json.dumps(report.as_json(assessed), indent=2))
        else:
            report.show(self._console(), assessed)
        if options["apply"]:
            self._apply(options["apply"], folder, assessed, force=options["force"])

    def _turned(self, models: FaceModels, folder: Path) -> None:
        with self._progress() as progress:
            task = progress.add_task("turning", total=None)
            try:
                found = assess_turned(
                    models, folder, lambda done, total: progress.update(task, completed=done, total=total)
                )
            except OSError as error:
                raise CommandError(
                    f"{folder} cannot be read ({error.strerror}): name a folder of people"
                ) from error
        self.stdout.write(json.dumps({"turned": [asdict(each) for each in found]}, indent=2))

    def _plot(self, path: Path, assessed: Assessment) -> None:
        try:
            save_plot(path, assessed)
        except OSError as error:
            raise CommandError(
                f"{path} cannot be written ({error.strerror or error}): name a file in an existing folder"
            ) from error
        self.stderr.write(f"curves: {path}")

    def _apply(self, name: str, folder: Path, assessed: Assessment, *, force: bool) -> None:
        tenant = customer(name)
        with inside(tenant):
            gallery = len(set(enrolled_faces(assessed.pack).people))
            limits = assessed.recommended
            predicted = assessed.predicted(limits.match, max(1, gallery))
            if predicted > ALARM_LIMIT and not force:
                raise CommandError(
                    f"link {limits.match:g} was not applied: it would take {predicted:.2%} of all strangers "
                    f"for one of the {gallery} people enrolled at {tenant}; the limit is {ALARM_LIMIT:.1%}. "
                    f"Use --gallery {gallery} to get thresholds that fit, or --force."
                )
            apply_thresholds(
                thresholds=MatchThresholds(
                    pack=assessed.pack,
                    link=limits.match,
                    review=limits.review,
                    margin=limits.margin,
                    gallery=gallery,
                    predicted_false_alarms=predicted,
                    forced=force and predicted > ALARM_LIMIT,
                    derived_from={
                        "folder": str(folder.resolve()),
                        "at": datetime.now(UTC).isoformat(timespec="seconds"),
                        **report.as_json(assessed),
                    },
                )
            )
        self.stderr.write(
            f"{tenant}: {assessed.pack} links from {limits.match:g} and reviews from {limits.review:g}; "
            f"cameras use it from their next start. Of strangers, {predicted:.3%} will be taken for one "
            f"of the {gallery} people enrolled."
        )

    def _clips(self, models: FaceModels, clips: list[Any], options: dict[str, Any]) -> None:
        if options["apply"] or options["plot"]:
            raise CommandError("--apply and --plot need a folder of pictures, not of clips")
        results: list[Tracked] = []
        with self._progress() as progress:
            for clip, truth in clips:
                task = progress.add_task(escape(shown(clip.name)), total=None)
                gallery = MemoryGallery(models.thresholds.match)
                staff = self._enrolled(models, gallery, options["enrol"])
                results.append(
                    assess_clip(
                        models,
                        gallery,
                        staff,
                        clip,
                        truth,
                        fps=options["fps"],
                        advance=lambda frame, task=task: progress.update(task, completed=frame),  # type: ignore[misc]
                    )
                )
        if options["json"]:
            self.stdout.write(json.dumps(report.clips_as_json(results), indent=2))
        else:
            report.show_clips(self._console(), results)

    def _enrolled(self, models: FaceModels, gallery: MemoryGallery, folder: Path | None) -> set[str]:
        if folder is None:
            return set()
        try:
            people = people_in(folder)
        except OSError as error:
            raise CommandError(
                f"{folder} cannot be read ({error.strerror}): name a folder of people"
            ) from error
        for refusal in enrol_people(models, gallery, people, folder):
            if refusal is not None:
                self.stderr.write(shown(f"{refusal.path}: {refusal.reason}"))
        return set(people)

    def _console(self) -> Console:
        width = None if self.stdout.isatty() else 110
        return Console(file=cast("IO[str]", self.stdout), width=width)

    def _progress(self) -> Progress:
        console = Console(file=sys.stderr)
        return Progress(console=console, transient=True, disable=not console.is_terminal)


def _count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of people from 1 to 1000000")
    return int(text)
