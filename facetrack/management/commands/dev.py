"""manage.py dev: everything at once, with hot reload."""

import shutil
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from facetrack.devservices import ensure
from facetrack.devservices.process_group import manage, process_group
from facetrack.serving.port import PortTaken, require_free

WATCHED = ("facetrack", "tenants", "cameras", "staff", "visits", "workers")


class Command(BaseCommand):
    help = "Run web, worker and beat with hot reload, on services that start by themselves."

    def add_arguments(self, parser: CommandParser | ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="default: %(default)s")

    def handle(self, *args: Any, port: int, **options: Any) -> None:
        try:
            require_free("127.0.0.1", port)
        except PortTaken as error:
            raise CommandError(str(error)) from None
        call_command("migrate_schemas", verbosity=0)
        watchfiles = shutil.which("watchfiles", path=str(Path(sys.executable).parent))
        if watchfiles is None:
            raise CommandError(
                "watchfiles is missing: run `make install`, which installs the development tools"
            )
        code = [str(settings.BASE_DIR / name) for name in WATCHED]
        pages = [*code, str(settings.BASE_DIR / "templates")]
        with process_group(say=self.stderr.write) as members:
            web, worker = (" ".join(manage(*words)) for words in (("web", "--port", str(port)), ("worker",)))
            members.add("web", [watchfiles, "--filter", "default", web, *pages])
            members.add("worker", [watchfiles, "--filter", "python", worker, *code])
            members.add("beat", manage("beat"))
            self.stdout.write(f"FaceTrack is at http://localhost:{port}/ - Ctrl-C stops everything.")
            while True:
                time.sleep(1)
                ensure(settings.VAR_DIR / "services")
                members.restart_dead()
