"""manage.py make_clips OUT --people DIR: camera clips with ground truth, for testing the counts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from workers.lab.clips.actors import NoActors, actors_of_folder, actors_of_packages
from workers.lab.clips.story import STORIES
from workers.lab.clips.write import write_story
from workers.process.model_cache import model_store
from workers.recognition.models.loading import UnknownModelError, load
from workers.recognition.models.store import ModelMissing

SIZES = {"360p": (640, 360), "720p": (1280, 720), "1080p": (1920, 1080)}


class Command(BaseCommand):
    help = (
        "Makes camera clips from pictures of people, each with a JSON file of who is in view when and where: "
        f"{', '.join(STORIES)}. `manage.py evaluate` measures on them."
    )
    requires_system_checks: list[str] = []  # there is no database to check

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("out", type=Path, metavar="OUT", help="folder for the clips")
        parser.add_argument(
            "--people",
            type=Path,
            metavar="DIR",
            help="a sub-folder of pictures per person; default: the people of the packages' demo pictures",
        )
        parser.add_argument("--stories", nargs="+", choices=sorted(STORIES), default=list(STORIES))
        parser.add_argument("--actors", type=int, default=6, help="people per clip, default: %(default)s")
        parser.add_argument("--skip", type=int, default=0, help="leave out this many people at the start")
        parser.add_argument("--size", choices=sorted(SIZES), default="720p", help="default: %(default)s")
        parser.add_argument("--fps", type=float, default=25.0, help="default: %(default)s")

    def handle(self, *args: Any, out: Path, people: Path | None, **options: Any) -> None:
        count, skip = options["actors"], options["skip"]
        if not 1 <= count <= 40 or skip < 0 or not 1 <= options["fps"] <= 60:
            raise CommandError("--actors must be 1 to 40, --skip 0 or more, --fps 1 to 60")
        try:
            models = load(settings.FACETRACK_PACK, settings.FACETRACK_DETECTOR, model_store())
            found = actors_of_folder(models, people) if people else actors_of_packages(models)
            actors = found[skip : skip + count]
            if not actors:
                raise NoActors(f"there are {len(found)} people, and --skip {skip} leaves none of them")
            out.mkdir(parents=True, exist_ok=True)
            with Progress(console=Console(file=sys.stderr)) as progress:
                for name in options["stories"]:
                    task = progress.add_task(name, total=None)
                    write_story(
                        out / f"{name}.mp4",
                        STORIES[name](len(actors)),
                        actors,
                        size=SIZES[options["size"]],
                        fps=options["fps"],
                        advance=lambda done, total, task=task: progress.update(  # type: ignore[misc]
                            task, completed=done, total=total
                        ),
                    )
        except (NoActors, ModelMissing, UnknownModelError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(
                f"{out} cannot be written ({error.strerror}): name a folder that you can write to"
            ) from error
        self.stdout.write(f"{len(options['stories'])} clip(s) of {len(actors)} people are in {out}.")
