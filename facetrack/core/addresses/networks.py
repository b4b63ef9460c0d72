"""Private networks as users type them: validation, and the overlap of two lists. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network

PRIVATE: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
"""RFC 1918, the carriers' shared range (RFC 6598), and IPv6's unique local addresses."""


def network_problem(text: str) -> str | None:
    """Why the range `text` is not a private network, as a message for the user."""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return f"“{text}” is not a network: write it like 192.168.1.0/24."
    if not any(contains(private, network) for private in PRIVATE):
        ranges = ", ".join(str(private) for private in PRIVATE)
        return f"{text} is not within a private range ({ranges}); public addresses need no entry."
    return None


def networks_of(texts: Iterable[str]) -> tuple[Network, ...]:
    """Raises ValueError."""
    return tuple(ip_network(text, strict=False) for text in texts)


def in_form(texts: Iterable[str]) -> list[str]:
    """Without duplicates, in canonical form. Raises ValueError."""
    return [str(network) for network in sorted(set(networks_of(texts)), key=lambda one: (one.version, one))]


def overlap(one: Iterable[Network], other: Iterable[Network]) -> tuple[Network, ...]:
    """The networks that both lists contain. Two networks are disjoint, or one contains the other."""
    others = tuple(other)
    return tuple(
        dict.fromkeys(
            network if contains(limit, network) else limit
            for network in one
            for limit in others
            if contains(limit, network) or contains(network, limit)
        )
    )


def is_within(network: Network, limits: Iterable[Network]) -> bool:
    return any(contains(limit, network) for limit in limits)


def contains(outer: Network, inner: Network) -> bool:
    if isinstance(outer, IPv4Network):
        return isinstance(inner, IPv4Network) and inner.subnet_of(outer)
    return isinstance(inner, IPv6Network) and inner.subnet_of(outer)
