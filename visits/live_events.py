"""The journal from which pages and streams resume: its ids become visible in their order."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from cameras.models import Camera, Site
from tenants.models import Tenant
from tenants.queries import active_tenant
from visits.events import About, publish
from visits.locks import lock_journal
from visits.models import LiveEvent, Sighting, Visit

OF_CAMERAS = (LiveEvent.Kind.CAMERA_CHANGED, LiveEvent.Kind.CAMERA_GONE)


_waiting: ContextVar[list[LiveEvent] | None] = ContextVar("waiting", default=None)


@contextmanager
def journalled() -> Iterator[None]:
    """A transaction that writes visits; its live events get into the journal when the block ends.

    The ids of live events become visible in their order, so that a page that has seen event 17 misses none
    before it. That takes a lock, which is the last one of the transaction and is held for the commit only. Of
    nested blocks the outermost writes. No other statement should follow the block within its transaction.
    """
    if _waiting.get() is not None:
        yield
        return
    events: list[LiveEvent] = []
    token = _waiting.set(events)
    try:
        with transaction.atomic():
            yield
            if events:
                lock_journal()
                LiveEvent.objects.bulk_create(events)
    finally:
        _waiting.reset(token)


def record_camera_event(*, camera_id: UUID, site_id: UUID | None = None, **_: object) -> None:
    """Record in the journal that a camera has changed, or was removed from `site_id`."""
    with journalled():
        if camera := Camera.objects.filter(pk=camera_id).first():
            record_event(LiveEvent.Kind.CAMERA_CHANGED, camera=camera)
        elif site_id and Site.objects.filter(pk=site_id).exists():
            _announce(LiveEvent(kind=LiveEvent.Kind.CAMERA_GONE, site_id=site_id))


def record_event(
    kind: LiveEvent.Kind,
    *,
    visit: Visit | None = None,
    sighting: Sighting | None = None,
    camera: Camera | None = None,
) -> None:
    """An event at the site of the visit, the sighting or the camera. Within `journalled` only."""
    at = camera or (sighting.camera if sighting else None)
    site = visit.site_id if visit else at.site_id if at else None
    if site is None:
        raise ValueError("a live event is about a visit, a sighting or a camera")
    _announce(LiveEvent(kind=kind, site_id=site, visit=visit, sighting=sighting, camera=camera))


def record_visits_gone(site_id: UUID) -> None:
    _announce(LiveEvent(kind=LiveEvent.Kind.VISITS_GONE, site_id=site_id))


def forget_old_events(*, before: datetime) -> int:
    """Truncate the journal. A page that was away longer reloads."""
    newest = LiveEvent.objects.aggregate(newest=Max("pk"))["newest"]  # kept: idle pages have this cursor
    done, _ = LiveEvent.objects.filter(created_at__lt=before).exclude(pk=newest).delete()
    return done


def _announce(event: LiveEvent) -> None:
    events = _waiting.get()
    if events is None:
        raise transaction.TransactionManagementError("a live event was recorded outside of `journalled`")
    events.append(event)
    transaction.on_commit(partial(_publish, active_tenant(), event))


def _publish(tenant: Tenant, event: LiveEvent) -> None:
    """Another tenant may be active by now: the transaction may have begun outside of this one."""
    about: About = "cameras" if event.kind in OF_CAMERAS else "visits"
    publish(tenant, event.site_id, event.pk, about)
