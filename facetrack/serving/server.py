"""Daphne's server with our connections."""

import resource
from typing import Any

from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory
from django.conf import settings

from facetrack.serving.answers import flow_of, room
from facetrack.serving.channel import Channel
from facetrack.serving.connections import Connections
from facetrack.serving.sockets import Socket

MAX_MESSAGE = 4_096
"""Bytes of a message from a page. Pages have nothing longer to send."""
PING_SECONDS = 20
OTHER_FILES = 200
"""File descriptors beside the connections: databases, pictures, logs."""


class HttpFactory(HTTPFactory):  # type: ignore[misc]
    def buildProtocol(self, addr: Any) -> Channel:
        channel = Channel()
        channel.factory = self
        channel.timeOut = settings.FACETRACK_IDLE_SECONDS
        return channel


class SocketFactory(WebSocketFactory):  # type: ignore[misc]
    protocol = Socket


class LimitedServer(Server):  # type: ignore[misc]
    """Daphne's `run` creates its factories itself: they are replaced by ours when it assigns them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            server_name="FaceTrack",
            websocket_timeout=-1,
            websocket_max_message_size=MAX_MESSAGE,
            websocket_max_frame_size=MAX_MESSAGE,
            ping_interval=PING_SECONDS,
            ping_timeout=PING_SECONDS,
            **options,
        )
        _allow_files(settings.FACETRACK_CONNECTIONS + OTHER_FILES)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Daphne writes everything into Twisted's buffer; here the application waits for room in it."""
        flow = flow_of(protocol, message) if isinstance(protocol, WebRequest) else None
        await super().handle_reply(protocol, message)
        if flow is not None:
            await room(protocol, flow)

    @property
    def http_factory(self) -> Connections:
        return self._connections

    @http_factory.setter
    def http_factory(self, _: HTTPFactory) -> None:
        self._connections = Connections(HttpFactory(self))

    @property
    def ws_factory(self) -> SocketFactory:
        return self._sockets

    @ws_factory.setter
    def ws_factory(self, _: WebSocketFactory) -> None:
        self._sockets = SocketFactory(self, server=self.server_name)
        self._sockets.setProtocolOptions(failByDrop=False)  # a client that breaks a rule is told which


def _allow_files(number: int) -> None:
    """Raise the process's limit of open files to what its connections need, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
