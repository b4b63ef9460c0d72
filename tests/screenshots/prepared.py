"""One customer with cameras, staff and a day of visits, written through the actions that workers use."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from uuid import UUID

import numpy as np
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from cameras.models import Camera, Site
from facetrack.core.images import jpeg
from staff.models import StaffMember
from tenants.actions import add_member, create_tenant, ensure_public
from tenants.isolation.context import inside
from tenants.rules import Role
from tests.screenshots import portraits
from tests.screenshots.portraits import DrawnPerson, portrait
from visits.actions import close_visits, record_track
from visits.models import SightingDecision, Visitor
from visits.track_facts import TrackFacts
from workers.fleet.leases import facts_of, lease_guard
from workers.fleet.models import CameraLease

HOST = "acme.localhost"
EMAIL = "reception@acme.example"
COURIER = "Courier, red van"
STRANGE = 0.12
SURE = 0.71
TAKES = timedelta(minutes=10)
"""The cameras count as running for so long, though no worker reports on them."""
_tracks = count(1)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the browser needs: the login, and the visitor whose page is shown."""

    password: str
    visitor: UUID


def prepare() -> Prepared:
    """Fill an empty installation."""
    call_command("migrate_schemas", verbosity=0)
    ensure_public(host=settings.FACETRACK_PUBLIC_HOST)
    tenant, password = create_tenant(name="acme", host=HOST), secrets.token_urlsafe(12)
    add_member(tenant=tenant, email=EMAIL, role=Role.TENANT_ADMIN, password=password)
    with inside(tenant):
        return Prepared(password, _day())


def _day() -> UUID:
    """A morning at two sites. Returns the visitor who came most often."""
    head, north = (
        Site.objects.create(name=name, reentry_seconds=600, time_zone=settings.TIME_ZONE)
        for name in ("Head office", "Plant North")
    )
    entrance, garage, gate = _camera(head, "Entrance"), _camera(head, "Garage"), _camera(north, "Gate")
    ada, grace = (StaffMember.objects.create(name=name) for name in ("Ada Lindqvist", "Grace Okafor"))
    regular = _comes(entrance, portraits.FIRST_GUEST, 26 * 60)
    assert regular is not None
    Visitor.objects.filter(pk=regular).update(
        name=COURIER, note="Delivers before noon. Parcels go to the post room."
    )
    _comes(garage, portraits.FIRST_GUEST, 25 * 60, person=regular)
    supplier = _comes(gate, portraits.THIRD_GUEST, 170)
    _comes(entrance, portraits.ADA, 161, staff=ada)
    _comes(garage, portraits.GRACE, 148, staff=grace)
    _comes(entrance, portraits.FIRST_GUEST, 122, person=regular)
    _comes(entrance, portraits.SECOND_GUEST, 64)
    _comes(gate, portraits.THIRD_GUEST, 41, person=supplier)
    _comes(gate, portraits.SECOND_GUEST, 33, decision=SightingDecision.UNSURE)
    _comes(garage, portraits.FOURTH_GUEST, 30, decision=SightingDecision.REJECTED)
    _comes(entrance, portraits.FOURTH_GUEST, 23)
    _comes(entrance, portraits.FIRST_GUEST, 12, person=regular)
    _comes(garage, portraits.ADA, 7, staff=ada)
    _comes(entrance, portraits.GRACE, 2, staff=grace)
    close_visits(now=timezone.now())
    heard = timezone.now() + TAKES
    Camera.objects.update(
        enabled=True, status=Camera.Status.RUNNING, worker="w1", reported_at=heard, last_frame_at=heard
    )
    return regular


def _camera(site: Site, name: str) -> Camera:
    camera = Camera.objects.create(
        site=site, name=name, kind="rtsp", location=f"rtsp://camera.example/{name.lower()}", epoch=1
    )
    CameraLease.objects.create(camera_id=camera.pk, epoch=1, **facts_of(camera))
    return camera


def _comes(
    camera: Camera,
    look: DrawnPerson,
    minutes_ago: int,
    *,
    staff: StaffMember | None = None,
    person: UUID | None = None,
    decision: SightingDecision = SightingDecision.NEW_VISITOR,
) -> UUID | None:
    """One track, recorded as by a worker. Returns the visitor, if it is one."""
    track = next(_tracks)
    began = timezone.now() - timedelta(minutes=minutes_ago)
    template = np.random.default_rng(track).normal(size=512)
    known = staff is not None or person is not None
    if known:
        decision = SightingDecision.STAFF if staff else SightingDecision.VISITOR
    facts = TrackFacts(
        camera=camera.pk,
        epoch=1,
        track=track,
        sequence=0,
        ended=True,
        decision=decision,
        person=staff.pk if staff else person,
        score=SURE if known else STRANGE,
        reason="",
        started_at=began,
        last_seen_at=began + timedelta(seconds=20 + 7 * (track % 5)),
        faces=14 + track,
        quality=0.8,
        pack=settings.FACETRACK_PACK,
        template=(template / np.linalg.norm(template)).astype(np.float32),
        shot=jpeg(portrait(look), quality=90),
    )
    sighting = record_track(facts=facts, match=0.4, guard=lease_guard(facts))
    return sighting.visitor_id if sighting else None
