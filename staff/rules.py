"""Whose business a staff member is. Pure: no I/O."""

from collections.abc import Collection
from uuid import UUID

Scope = frozenset[UUID] | None
"""The sites that somebody sees; None for the whole tenant."""


def is_shown(works_at: Collection[UUID], scope: Scope) -> bool:
    """Who works at no site in particular works everywhere."""
    return scope is None or not works_at or not scope.isdisjoint(works_at)


def may_be_changed(works_at: Collection[UUID], scope: Scope) -> bool:
    """A site manager changes only people who work at their sites and nowhere else.

    Somebody who also works elsewhere would be forgotten or renamed there, too.
    """
    return scope is None or (bool(works_at) and scope.issuperset(works_at))
