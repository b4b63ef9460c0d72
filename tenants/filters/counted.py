"""Numbers of rows for people to read: counted up to a limit, so that no list reads a whole table for them."""

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet

MAX_COUNTED = 10_000


class Count(int):
    """A number of rows. As text it is `more than 10,000` where it was not counted to the end."""

    def __str__(self) -> str:
        return f"more than {MAX_COUNTED:,}" if self > MAX_COUNTED else f"{int(self):,}"


def counted(rows: QuerySet[Any]) -> Count:
    """How many rows there are; reads at most one more than MAX_COUNTED of them."""
    return Count(rows.order_by().values("pk")[: MAX_COUNTED + 1].count())


class CountedPaginator(Paginator):  # type: ignore[type-arg]
    """Has pages for the first MAX_COUNTED rows. Filters lead to the others."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        return counted(rows) if isinstance(rows, QuerySet) else super().count

    @cached_property
    def num_pages(self) -> int:
        if self.count > MAX_COUNTED:
            return MAX_COUNTED // self.per_page
        return super().num_pages
