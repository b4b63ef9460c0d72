"""The one way to a single row that a caller asks for, and to keep it."""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404

_Row = TypeVar("_Row", bound=Model)


def get_or_404(rows: QuerySet[_Row, Any], missing: str, **lookup: Any) -> _Row:
    """The row of `rows`, which hold all that the caller may see. Raises Http404, which says `missing`.

    A row that exists elsewhere and one that never was take the same statement and get the same answer.
    """
    row: _Row | None = rows.filter(**lookup).first()
    if row is None:
        raise Http404(missing)
    return row


def hold(model: type[Model], pk: object) -> None:
    """Keep all others from changing the row until the transaction ends. What is read next is what it is.

    Does nothing where there is no such row. To be called within a transaction.
    """
    list(model._base_manager.filter(pk=pk).select_for_update(no_key=True).values_list("pk"))
