"""manage.py demo: a first look at FaceTrack, from nothing, on a clip with known truth."""

import os
import shutil
import subprocess
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from facetrack.demo.models import Chosen, choose
from facetrack.devservices import ServiceFailed, running, stop
from facetrack.devservices.process_group import manage
from facetrack.serving.port import PortTaken, first_free
from workers.process.model_cache import model_store
from workers.recognition.models.store import ModelMissing


class Command(BaseCommand):
    help = "Set everything up, play a clip with known people, and show who is recognised."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="play the clip once, compare with the truth, stop"
        )
        parser.add_argument("--port", type=int, default=8000, help="of the web server, or the next free one")
        parser.add_argument("--offline", action="store_true", help="do not download models")
        parser.add_argument(
            "--inside", action="store_true", help="services run already (used by the demo itself)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["inside"]:
            from facetrack.demo.show import Show

            sys.exit(0 if Show(once=options["once"], port=options["port"], say=self._say).run() else 1)
        try:
            chosen = choose(model_store(), offline=options["offline"], say=self._say)
            self._say(chosen.notice)
            sys.exit(self._run_inside(chosen, once=options["once"], port=options["port"]))
        except (ModelMissing, PortTaken, ServiceFailed) as error:
            raise CommandError(str(error)) from None

    def _run_inside(self, chosen: Chosen, *, once: bool, port: int) -> int:
        """The demo has its own services and data; with `--once` they start empty."""
        var = settings.VAR_DIR / "demo" / ("once" if once else "stay")
        root = var / "services"
        if once and var.exists():
            stop(root, wipe=True)
            shutil.rmtree(var)
        environ = {
            **os.environ,
            "FACETRACK_VAR_DIR": str(var),
            "FACETRACK_CLIP_DIR": str(settings.VAR_DIR / "demo" / "clips"),
            "FACETRACK_PACK": chosen.pack,
            "FACETRACK_DETECTOR": chosen.detector,
            "FACETRACK_CACHE_DIR": str(settings.FACETRACK_CACHE_DIR),
            "PYTHONUNBUFFERED": "1",
        }
        for url in ("DATABASE_URL", "REDIS_URL", "MILVUS_URI", "S3_ENDPOINT_URL"):
            environ.pop(url, None)  # the demo never touches real data
        words = [
            "demo",
            "--inside",
            "--port",
            str(first_free("127.0.0.1", port)),
            *(["--once"] if once else []),
        ]
        with running(root, environ):
            inside = subprocess.Popen(manage(*words), env=environ)
            try:
                return inside.wait()
            except BaseException:
                inside.terminate()
                inside.wait()
                raise

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
