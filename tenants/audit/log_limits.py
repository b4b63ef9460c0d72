"""How many lines of refusals are written: strangers cause them, and must not fill the disk."""

import hashlib

from django.core.cache import cache

from tenants.access.addresses import network_of

SECONDS = 60
AN_ADDRESS, A_TENANT = 30, 300
"""Lines a minute at most. Of the same refusal from the same address there is one."""

_COUNTED = 86_400
"""Seconds for which refusals that got no line are counted, to be told with the next line."""


def admit(tenant: str, address: str, *what: str) -> int | None:
    """Whether a refusal gets a line: how many from the address went without since its last one, or None.

    IPv6 addresses count by their /64 network.
    """
    address = network_of(address)
    first = cache.add(f"refused.{_name(tenant, address, *what)}", 1, SECONDS)
    origin = _name(tenant, address)
    if first and _within(origin, AN_ADDRESS) and _within(_name(tenant), A_TENANT):
        without = int(cache.get(f"unwritten.{origin}", 0))
        cache.delete(f"unwritten.{origin}")
        return without
    _count(f"unwritten.{origin}", _COUNTED)
    return None


def _within(name: str, limit: int) -> bool:
    return _count(f"lines.{name}", SECONDS) <= limit


def _count(key: str, seconds: int) -> int:
    cache.add(key, 0, seconds)
    try:
        return int(cache.incr(key))
    except ValueError:  # the minute ended between the two
        cache.set(key, 1, seconds)
        return 1


def _name(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode(errors="replace")).hexdigest()[:32]
