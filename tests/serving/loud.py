"""The web server with an application that sends to every websocket for as long as it is open.

Prints its port when it listens, and how many bytes it has sent when a socket ends.
"""

import asyncio
import os
import sys
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "facetrack.settings")
django.setup()

from facetrack.serving.server import LimitedServer  # noqa: E402  needs settings

ENOUGH = 300_000_000
"""Bytes: nothing is sent beyond these, should the socket never end."""


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    ended = asyncio.ensure_future(receive())
    sent, loud = 0, scope["path"] == "/loud/"
    while not ended.done() and sent < ENOUGH:
        if loud:
            await send({"type": "websocket.send", "text": "x" * 1_000})
            sent += 1_000
        await asyncio.sleep(0 if loud else 0.1)
    say(f"ended after {sent}")


class Server(LimitedServer):
    def listen_success(self, port: Any) -> None:
        say(str(port.getHost().port))


Server(application=application, endpoints=["tcp:port=0:interface=127.0.0.1"]).run()
