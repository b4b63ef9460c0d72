"""The journal from which pages and streams resume, and the lock that keeps its ids in order."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Max

from cameras.models import Camera, Site
from tenants.queries import active_tenant
from visits.events import About, publish
from visits.models import LiveEvent, Sighting, Visit

OF_CAMERAS = (LiveEvent.Kind.CAMERA_CHANGED, LiveEvent.Kind.CAMERA_GONE)


@contextmanager
def locked() -> Iterator[None]:
    """One writer of visits per tenant at a time, until the transaction ends.

    Without it, two cameras that see the same stranger at once would create two visitors, and ids of live
    events would become visible out of order, so that a page could miss one.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtext(%s), hashtext('visits'))", [active_tenant().schema_name]
        )
        yield


def record_camera_event(*, camera_id: UUID, site_id: UUID | None = None, **_: object) -> None:
    """Record in the journal that a camera has changed, or was removed from `site_id`."""
    with locked():
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
    """An event at the site of the visit, the sighting or the camera."""
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
    event.save()
    about: About = "cameras" if event.kind in OF_CAMERAS else "visits"
    transaction.on_commit(partial(publish, active_tenant(), event.site_id, event.pk, about))
