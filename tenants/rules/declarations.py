"""What apps declare about their own tables when they start."""

from collections.abc import Mapping
from typing import TypeVar

from django.core.exceptions import ImproperlyConfigured

_T = TypeVar("_T")


def declare(known: dict[str, _T], new: Mapping[str, _T]) -> None:
    """Add `new` to `known`. Raises ImproperlyConfigured, and adds nothing, where a table has two."""
    if twice := sorted(known.keys() & new.keys()):
        raise ImproperlyConfigured(f"declared twice, by two apps: {', '.join(twice)}. Remove one of them.")
    known.update(new)
