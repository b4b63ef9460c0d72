"""manage.py web: serve pages, API and WebSockets."""

import sys
from typing import Any

from daphne.endpoints import build_endpoint_description_strings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from facetrack.serving.memory import keep_little
from facetrack.serving.port import PortTaken, place_of, require_free

SWITCH_SECONDS = 0.001
"""A request asks the database a dozen times, and waits after each answer until the other threads give way.
Python's own 5 ms made quick pages slow beside a few busy requests."""

REACHED_AS_LOCALHOST = ("127.0.0.1", "0.0.0.0", "::")  # noqa: S104  told, not listened on


class Command(BaseCommand):
    help = "Serve pages, API and WebSockets (Daphne, without hot reload; `make dev` has that)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--host",
            default="127.0.0.1",
            help="0.0.0.0: all of IPv4; ::: all of IPv6 and IPv4; default: %(default)s",
        )
        parser.add_argument("--port", type=int, default=8000, help="default: %(default)s")

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        keep_little()
        host = host.removeprefix("[").removesuffix("]")
        sys.setswitchinterval(SWITCH_SECONDS)
        from facetrack.asgi import application
        from facetrack.serving.server import LimitedServer  # installs Twisted's reactor

        try:
            require_free(host, port)
        except PortTaken as error:
            raise CommandError(str(error)) from None
        address = place_of("localhost" if host in REACHED_AS_LOCALHOST else host, port)
        self.stdout.write(
            f"FaceTrack is at http://{address}/ (and at the hosts of its tenants), "
            f"listening on {place_of(host, port)}"
        )
        endpoints = build_endpoint_description_strings(host=host, port=port)
        LimitedServer(application=application, endpoints=endpoints).run()
