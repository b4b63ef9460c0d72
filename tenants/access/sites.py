"""The names of a tenant's sites, for the code that gives out roles.

Sites are rows of a higher floor, which says at start how to read them.
"""

from collections.abc import Callable
from uuid import UUID

SiteNames = Callable[[], dict[UUID, str]]


class _Book:
    names: SiteNames = staticmethod(dict)


def named_by(names: SiteNames) -> None:
    """From now on `names` answers `site_names`; called once, when the apps are loaded."""
    _Book.names = staticmethod(names)


def site_names() -> dict[UUID, str]:
    """Id and name of each site of the active tenant, by name."""
    return _Book.names()
