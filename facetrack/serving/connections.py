"""Limits of open connections: in the process, and from one address."""

from collections import Counter
from typing import Any

from django.conf import settings
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory

from facetrack.serving.channel import Channel
from tenants.access.addresses import network_of


class Connection(ProtocolWrapper):  # type: ignore[misc]
    """Any protocol on it: HTTP, and a WebSocket after it."""

    network = ""


class Connections(WrappingFactory):  # type: ignore[misc]
    """At the limit, closes the oldest connection that has no request in progress."""

    protocol = Connection
    noisy = False

    def __init__(self, wrapped: Any) -> None:
        super().__init__(wrapped)
        self.of_network: Counter[str] = Counter()

    def buildProtocol(self, address: Any) -> Any:
        """Returns None, which closes the connection, if there are too many."""
        network = "" if settings.FACETRACK_PROXIES else network_of(str(getattr(address, "host", "")))
        if network and self.of_network[network] >= settings.FACETRACK_CONNECTIONS_ADDRESS:
            return None
        if len(self.protocols) >= settings.FACETRACK_CONNECTIONS and not self._make_room():
            return None
        connection = super().buildProtocol(address)
        connection.network = network
        return connection

    def registerProtocol(self, connection: Connection) -> None:
        super().registerProtocol(connection)
        self.of_network[connection.network] += 1

    def unregisterProtocol(self, connection: Connection) -> None:
        super().unregisterProtocol(connection)
        self.of_network[connection.network] -= 1
        if not self.of_network[connection.network]:
            del self.of_network[connection.network]

    def _make_room(self) -> bool:
        for connection in self.protocols:
            channel = connection.wrappedProtocol
            if isinstance(channel, Channel) and not channel.in_work:
                connection.abortConnection()
                return True
        return False
