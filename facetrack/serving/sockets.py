"""WebSockets with a limit for clients that do not read."""

from typing import Any

from daphne.ws_protocol import WebSocketProtocol
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

MAX_UNREAD = 100_000
"""Unsent bytes for a page that does not read, beside the system's buffer. A hint has about fifty."""


@implementer(IPushProducer)
class Socket(WebSocketProtocol):  # type: ignore[misc]
    """Does not read from a client that does not read; closes a socket with too many unsent bytes."""

    unread: int | None = None

    def connectionMade(self) -> None:
        super().connectionMade()
        self.transport.unregisterProducer()  # from the earlier HTTP connection
        self.transport.registerProducer(self, True)

    def serverSend(self, content: Any, binary: bool = False) -> None:
        if self.state not in (self.STATE_CONNECTING, self.STATE_OPEN):
            return  # it has ended, and the application will hear of that: autobahn would raise Disconnected
        super().serverSend(content, binary)
        if self.unread is not None:
            self.unread += len(content)
            if self.unread > MAX_UNREAD:
                self.dropConnection(abort=True)

    def pauseProducing(self) -> None:
        """The system's buffer is full. Twisted says so with each write as long as it is."""
        if self.unread is None:
            self.unread = 0
            self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        self.unread = None
        self.transport.resumeProducing()

    def stopProducing(self) -> None:
        """The connection is lost; `connectionLost` handles it."""
