"""Who may see and change a staff member. Pure: no I/O."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Likeness:
    """The people whom a new face resembles, the most similar first, and what that is measured by.

    `similarity` is that of the first; from `threshold` on two faces count as one person.
    """

    people: tuple[UUID, ...]
    similarity: float
    threshold: float
    threshold_from: str


def likeness_reason(
    person: str, others: Sequence[str], *, hidden: int, same_picture: bool, may_decide: bool
) -> str:
    """Why a picture of `person` is held, and what to do. `others` are the names that the reader may see.

    `hidden` is the number of further people, whose names the reader must not see.
    """
    further = f"{hidden} {'person' if hidden == 1 else 'people'} whom you may not see"
    named = " and ".join([*others, *([further] if hidden else [])])
    if same_picture:
        told = f"The same picture is enrolled for {named}"
    else:
        told = f"The face in this picture of {person} resembles {named}"
    advice = (
        "Ask an administrator of your organisation to decide."
        if hidden or not may_decide
        else "If it is the wrong picture, or the same person was entered twice, delete it. "
        f"If {person} is another person, enrol it all the same."
    )
    return f"{told}, so it is not used: cameras could not tell them apart. {advice}"
