"""manage.py web: serve pages, API and WebSockets."""

import sys
from typing import Any

from daphne.endpoints import build_endpoint_description_strings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from facetrack.serving.memory import keep_little
from facetrack.serving.port import PortTaken, require_free

SWITCH_SECONDS = 0.001
"""A request asks the database a dozen times, and waits after each answer until the other threads give way.
Python's own 5 ms made quick pages slow beside a few busy requests."""


class Command(BaseCommand):
    help = "Serve pages, API and WebSockets (Daphne, without hot reload; `make dev` has that)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
        parser.add_argument("--port", type=int, default=8000, help="default: %(default)s")

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        keep_little()
        sys.setswitchinterval(SWITCH_SECONDS)
        from facetrack.asgi import application
        from facetrack.serving.server import LimitedServer  # installs Twisted's reactor

        try:
            require_free(host, port)
        except PortTaken as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"FaceTrack is at http://localhost:{port}/ (and at the hosts of its tenants)")
        endpoints = build_endpoint_description_strings(host=host, port=port)
        LimitedServer(application=application, endpoints=endpoints).run()
