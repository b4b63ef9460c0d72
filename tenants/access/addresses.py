"""Where a request comes from."""

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

NETWORK_BITS = 64
"""Of an IPv6 address: the network that one customer of a provider has. Its other half is theirs to choose."""

_PORT = r"(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?"
_WITH_PORT = re.compile(rf"(?:\[(?P<six>[0-9A-Fa-f:.%\w-]+)\]|(?P<four>[0-9.]+)){_PORT}")
MAX_SPELLING = 120
"""Characters of an address with zone and port."""


def client_address(request: HttpRequest) -> str:
    """The address of the client that sent the request, without port and zone; an IPv4-mapped one as IPv4.

    Behind `FACETRACK_PROXIES` proxies it is the one that the outermost of them saw, counted from the end of
    X-Forwarded-For: what stands before it was written by the client. A header that is too short, or that
    holds no address there, did not come through all of them; then it is the peer's own.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    return address_behind(str(request.META.get("REMOTE_ADDR") or ""), forwarded)


def address_behind(peer: str, forwarded: str) -> str:
    """As `client_address`, of the peer's address and all X-Forwarded-For headers joined by commas.

    An empty element is one that a proxy of ours did not fill in; the one before it is not believed instead.
    """
    proxies: int = settings.FACETRACK_PROXIES
    elements = forwarded.split(",")
    told = parsed_address(elements[-proxies]) if 0 < proxies <= len(elements) else None
    found = told or parsed_address(peer)
    return peer if found is None else str(found)


def counted_address(request: HttpRequest) -> str:
    """What limits count for: an IPv4 address, or the /64 network of an IPv6 address."""
    return network_of(client_address(request))


def network_of(address: str) -> str:
    """The /64 network of an IPv6 address, as `2001:db8::/64`; anything else as it is."""
    found = parsed_address(address)
    if isinstance(found, IPv6Address):
        return str(IPv6Network((found, NETWORK_BITS), strict=False))
    return address if found is None else str(found)


def parsed_address(text: str) -> IPv4Address | IPv6Address | None:
    """An address as proxies write it: bare, quoted, with a port, in brackets, with a zone. None for others,
    as `unknown`, or the made-up names (`_gateway`) of RFC 7239."""
    text = text.strip()[:MAX_SPELLING].strip('"').strip()
    if found := _WITH_PORT.fullmatch(text):
        text = found["six"] or found["four"]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
