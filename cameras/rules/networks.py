"""Which IP addresses a camera may be at: never this installation, never the machine itself."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network

from facetrack.core.addresses.networks import PRIVATE, Network

Address = IPv4Address | IPv6Address
Endpoint = tuple[str, int]
"""Host name or address, and port; port 0 means all of them."""

METADATA: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in ("169.254.169.254/32", "169.254.170.2/32", "fd00:ec2::254/128", "100.100.100.200/32")
)
"""Where clouds tell a machine its own credentials; some lie inside ranges that a site could allow."""
CARRIERS: tuple[Network, ...] = tuple(
    ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
)
"""IPv6 addresses that lead to an IPv4 address inside them: a way around every rule about IPv4."""


NOT_ALLOWED = "is private, and not in a network of its site that your organisation may use"


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Where the cameras of one site may be. Plain values, so that it travels to other processes.

    networks  private ranges that site, tenant and worker allow; public addresses need no entry.
    own       services of this installation, refused even inside an allowed range.
    loopback  whether this machine itself is allowed: for tests and demonstrations.
    """

    networks: tuple[Network, ...] = ()
    own: frozenset[Endpoint] = frozenset()
    loopback: bool = False

    def problem(self, address: Address, port: int) -> str | None:
        """Why nothing may be connected there, as the end of a sentence about the address; None if it may."""
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return self._range_problem(address) or self._own_problem(address, port)

    def tells(self, address: Address) -> bool:
        """Whether the tenant may learn what becomes of a connection there: the network is its own."""
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return self.loopback if address.is_loopback else _within(address, self.networks)

    def _own_problem(self, address: Address, port: int) -> str | None:
        """Asked last, so that it tells nothing of addresses that are refused anyway."""
        ours = (str(address), port) in self.own or (str(address), 0) in self.own
        return "belongs to this installation itself" if ours else None

    def _range_problem(self, address: Address) -> str | None:
        if address.is_loopback:
            return None if self.loopback else "is this machine itself"
        if _within(address, METADATA):
            return "is a cloud's address for its own machines"
        if address.is_unspecified or address.is_multicast or address.is_link_local:
            return "is not a routable address of a single device"
        if _within(address, PRIVATE):
            return None if _within(address, self.networks) else NOT_ALLOWED
        if not address.is_global or address.is_reserved or _within(address, CARRIERS):
            return "is a reserved address that no device has"
        return None


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
