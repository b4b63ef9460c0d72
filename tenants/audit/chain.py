"""Verifies the log: recomputes every chain, independently of the functions that wrote it."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from tenants.audit.sql import CANONICAL, FIRST_HASH
from tenants.models import Activity, ActivityHead, Tenant
from tenants.queries import is_public

LINES = 2_000
"""Read at once: a log of any length is checked in the same memory."""

_READ = """
SELECT number, prev_hash, hash, {canonical} FROM public.tenants_activity
WHERE {of_chain} AND number > %(after)s AND number <= %(end)s ORDER BY number LIMIT %(lines)s
""".replace("{canonical}", CANONICAL.format(number="number"))
# In one statement, so that a line that is written meanwhile is in both or in neither.
_END = """
SELECT (SELECT max(number) FROM public.tenants_activity WHERE {of_chain}),
    (SELECT number FROM public.tenants_activityhead WHERE chain = %(chain)s),
    (SELECT count(*) FROM public.tenants_activity WHERE {of_chain} AND number IS NULL)
"""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends. A copy kept elsewhere exposes a rewrite of a chain together with its head."""

    tenant: UUID | None
    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class ChainReport:
    """The result for one chain. `broken` says where it breaks first; empty for an intact chain."""

    tenant: UUID | None
    lines: int
    broken: str = ""


class Broken(Exception):
    """The chain is not what was written."""


def heads() -> list[Head]:
    """The head of each chain that this role may see."""
    rows = ActivityHead.objects.order_by("chain")
    return [Head(row.tenant_id, row.number, bytes(row.hash)) for row in rows]


def chains() -> list[UUID | None]:
    """The installation's chain and those of all tenants, also of tenants that are gone."""
    found: set[UUID | None] = {None, *(tenant.pk for tenant in Tenant.objects.all() if not is_public(tenant))}
    found |= set(ActivityHead.objects.values_list("tenant_id", flat=True))
    found |= set(Activity.objects.order_by().values_list("tenant_id", flat=True).distinct())
    return sorted(found, key=str)


def verify(
    tenant: UUID | None, *, kept: Mapping[UUID | None, Head], progress: Callable[[int], None]
) -> ChainReport:
    """Recompute one chain from its first line to its head; `kept` are heads that were written down before."""
    lines, last = 0, FIRST_HASH
    try:
        head = _head(tenant)
        if head is None and tenant in kept:
            raise Broken(f"it is empty, but had {kept[tenant].number} lines when its head was saved")
        for lines, last in _links(tenant, head.number if head else 0):
            if lines % LINES == 0:
                progress(lines)
            if (known := kept.get(tenant)) and known.number == lines and known.hash != last:
                raise Broken(f"line {lines} differs from the saved head")
        if head and (lines != head.number or last != head.hash):
            raise Broken(f"it ends at line {lines}, its head says {head.number}: lines at the end are gone")
        if (known := kept.get(tenant)) and known.number > lines:
            raise Broken(f"it ends at line {lines}, but had {known.number} when its head was saved")
        _require_end(tenant)
    except Broken as broken:
        return ChainReport(tenant, lines, str(broken))
    return ChainReport(tenant, lines)


def _links(tenant: UUID | None, end: int) -> Iterator[tuple[int, bytes]]:
    """Number and hash of each line in turn. Raises Broken at the first that does not follow from the last."""
    number, digest = 0, FIRST_HASH
    while rows := _read(tenant, number, end):
        for found, before, after, text in rows:
            if found != number + 1:
                raise Broken(f"line {number + 1} is missing")
            if bytes(before or b"") != digest:
                raise Broken(f"line {found} does not follow from line {number}: one of them was replaced")
            computed = hashlib.sha256(digest + text.encode()).digest()
            if computed != bytes(after or b""):
                raise Broken(f"line {found} was changed")
            number, digest = found, computed
            yield number, digest


def _read(tenant: UUID | None, after: int, end: int) -> list[tuple[int, bytes | None, bytes | None, str]]:
    with connection.cursor() as cursor:
        cursor.execute(_of(tenant, _READ), {"tenant": tenant, "after": after, "end": end, "lines": LINES})
        return list(cursor.fetchall())


def _of(tenant: UUID | None, statement: str) -> str:
    """The statement for one chain; no index helps `IS NOT DISTINCT FROM`."""
    return statement.replace(
        "{of_chain}", "tenant_id IS NULL" if tenant is None else "tenant_id = %(tenant)s"
    )


def _head(tenant: UUID | None) -> Head | None:
    row = ActivityHead.objects.filter(pk=tenant or UUID(int=0)).first()
    return Head(tenant, row.number, bytes(row.hash)) if row else None


def _require_end(tenant: UUID | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_of(tenant, _END), {"chain": tenant or UUID(int=0), "tenant": tenant})
        last, head, loose = cursor.fetchone() or (None, None, 0)
    if last != head:
        raise Broken(
            f"its last line is {last or 0}, its head says {head or 0}: lines were added outside the chain"
        )
    if loose:
        raise Broken(f"{loose} lines have no number: they were inserted outside the chain")
