"""The names of a tenant's sites, for the code that gives out roles.

Sites are rows of a higher floor, which says at start how to read them.
"""

from collections.abc import Callable, Collection
from uuid import UUID

SiteNames = Callable[[bool], dict[UUID, str]]


def _none(archived: bool) -> dict[UUID, str]:
    return {}


class _Book:
    names: SiteNames = staticmethod(_none)


def named_by(names: SiteNames) -> None:
    """From now on `names` answers `site_names`; called once, when the apps are loaded."""
    _Book.names = staticmethod(names)


def site_names(*, archived: bool = False) -> dict[UUID, str]:
    """Id and name of each site of the active tenant, by name: those in use, which can be chosen.

    With `archived` also the others, to name and accept what was chosen while they were in use.
    """
    return _Book.names(archived)


def choices(chosen: Collection[UUID] = ()) -> list[tuple[str, str]]:
    """The sites that a form offers: those in use, and archived ones among `chosen`, so that they stay."""
    in_use = site_names()
    named = site_names(archived=True).items()
    return [(str(site), name) for site, name in named if site in in_use or site in chosen]
