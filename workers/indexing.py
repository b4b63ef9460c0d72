"""The only writer of Milvus: drains the outbox and rebuilds the index."""

import logging
from collections.abc import Callable
from datetime import datetime
from itertools import groupby

from django.conf import settings
from django.db import connection, transaction
from django_tenants.utils import get_public_schema_name, schema_context

from staff.gallery import tenants_thresholds
from tenants.isolation.context import inside, long_pauses
from tenants.models import Outbox, Tenant
from visits.actions import bring_index_up_to_date, resolve_pending
from visits.index import IndexUnavailable, fill, visitor_index
from visits.merging.actions import propose_merges
from visits.models import Visitor
from workers.recognition.models.catalogue import PACKS

log = logging.getLogger(__name__)

BATCH = 500


def drain_outbox() -> int:
    """Apply waiting changes to Milvus; returns their number. Returns 0 at once if another process is at it.

    Milvus Lite loses rows under concurrent writers, so an advisory lock admits one drain at a time.
    """
    done = 0
    with schema_context(get_public_schema_name()), long_pauses(), transaction.atomic():
        if not _only_writer():
            return 0
        while rows := list(Outbox.objects.order_by("tenant_id", "id").select_related("tenant")[:BATCH]):
            try:
                done += _carry_out(rows)
            except IndexUnavailable as error:
                log.warning("%s change(s) wait for the index: %s", Outbox.objects.count(), error)
                break
    return done


def rebuild(pack: str, tenants: list[Tenant], advance: Callable[[Tenant, int, int], None]) -> int:
    """Rebuild the index of `pack` from PostgreSQL; returns the number of visitors in it.

    `advance` is called with the tenant, the number done and the total.
    Raises IndexUnavailable.
    """
    total = 0
    for tenant in tenants:
        with inside(tenant), long_pauses(), transaction.atomic():
            if not _only_writer(wait=True):
                continue
            visitors = Visitor.objects.filter(pack=pack)
            count = visitors.count()
            visitor_index(pack).drop_tenant(tenant.pk)
            total += fill(tenant, visitors, pack, lambda done, of=tenant, all_=count: advance(of, done, all_))  # type: ignore[misc]
    return total


def _carry_out(rows: list[Outbox]) -> int:
    done = 0
    for tenant, group in groupby(rows, key=lambda row: row.tenant):
        with inside(tenant):
            done += bring_index_up_to_date(rows=list(group))
    return done


def _only_writer(*, wait: bool = False) -> bool:
    function = "pg_advisory_xact_lock" if wait else "pg_try_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtext('facetrack.index'))")
        return wait or bool(cursor.fetchone()[0])


def settle_identities(*, now: datetime) -> None:
    """Compare the sightings that waited for the index, and propose visitors who may be one person."""
    pack = settings.FACETRACK_PACK
    own = tenants_thresholds(pack)
    link = own.link if own else PACKS[pack].thresholds.match
    resolve_pending(match=link, pack=pack)
    propose_merges(match=link, pack=pack, now=now)
