"""Who may see and change a staff member. Pure: no I/O."""

from collections.abc import Collection
from uuid import UUID

Scope = frozenset[UUID] | None
"""The sites that the user can see; None for the whole tenant."""


def is_shown(works_at: Collection[UUID], scope: Scope) -> bool:
    """A person without sites works at all sites."""
    return scope is None or not works_at or not scope.isdisjoint(works_at)


def may_be_changed(works_at: Collection[UUID], scope: Scope) -> bool:
    """A site manager may change only people who work at their sites and nowhere else.

    A change to a person who also works elsewhere would affect the other sites, too.
    """
    return scope is None or (bool(works_at) and scope.issuperset(works_at))
