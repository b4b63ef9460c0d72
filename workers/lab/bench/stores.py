"""Where the bench's pipeline searches people and saves its sightings."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import numpy as np
from django.db import transaction
from django.utils import timezone
from django_tenants.utils import get_public_schema_name, schema_context

from cameras.models import Camera, Site
from facetrack.core.images import clean_pixels
from staff.actions import accept_face, add_face_image, save_staff_member
from staff.models import StaffMember
from tenants.actions import create_tenant
from tenants.isolation.context import inside
from tenants.isolation.owner import as_owner
from tenants.isolation.policies import forget_tenant
from tenants.models import Outbox, Tenant
from tenants.queries import active_tenant
from workers.fleet.models import CameraLease
from workers.lab.clips.actors import ClipActor
from workers.process.galleries import SiteGallery, TenantGallery
from workers.process.sinks.recorder import Recorder
from workers.recognition.enrol import EnrolledFace
from workers.recognition.models.loading import FaceModels
from workers.recognition.replay import MemoryGallery
from workers.recognition.types import Candidate, Decision, Floats, Picture, TrackReport


class MemoryBenchStore:
    """A `Book` in memory, for many cameras at once."""

    def __init__(self, link: float, people: Mapping[str, Sequence[EnrolledFace]]) -> None:
        self._gallery, self._lock = MemoryGallery(link), threading.Lock()
        for name, faces in people.items():
            self._gallery.enrol(name, faces)

    def staff(self, template: Floats) -> list[Candidate]:
        return self._gallery.staff(template)

    def visitors(self, template: Floats) -> list[Candidate]:
        return self._gallery.visitors(template)

    def save(self, report: TrackReport) -> None:
        new = report.verdict.decision is Decision.NEW_VISITOR and report.sequence == 0
        if new and report.template is not None:
            with self._lock:
                self._gallery.remember(report.template)


@dataclass(frozen=True, slots=True)
class _Undisputed:
    """The right to record for a camera that no other process knows."""

    epoch: int
    sure: bool = True

    def database_time(self) -> datetime:
        return timezone.now()


class TenantBenchStore:
    """A `Book` of a tenant: saves sightings as a worker does, with names of staff instead of their ids."""

    def __init__(self, tenant: Tenant, camera: Camera, models: FaceModels, names: dict[str, str]) -> None:
        pack = models.embedder.pack
        self._gallery = SiteGallery(TenantGallery(tenant, pack), camera.site_id)
        right = _Undisputed(camera.epoch)
        self._recorder = Recorder(tenant, camera.pk, right, None, pack=pack, link=models.thresholds.match)
        self.names = names

    def staff(self, template: Floats) -> list[Candidate]:
        return self._gallery.staff(template)

    def visitors(self, template: Floats) -> list[Candidate]:
        return self._gallery.visitors(template)

    def save(self, report: TrackReport) -> None:
        self._recorder.record(report)


@contextmanager
def tenant_bench_store(models: FaceModels, people: Sequence[ClipActor]) -> Iterator[TenantBenchStore]:
    """A tenant made for this run, with these people as its staff; it is deleted afterwards.

    Raises ImproperlyConfigured if this environment may not create tenants.
    """
    with bench_tenant() as tenant:
        with inside(tenant):
            [camera] = bench_cameras(1)
            members = [_enrolled(actor, models.embedder.pack) for actor in people]
        store = TenantBenchStore(tenant, camera, models, {str(member.pk): member.name for member in members})
        _warm(store)
        yield store


@contextmanager
def bench_tenant() -> Iterator[Tenant]:
    """A tenant made for one run and deleted afterwards. Raises ImproperlyConfigured."""
    name = f"bench {uuid4().hex[:12]}"
    tenant = create_tenant(name=name, host=f"{name.replace(' ', '-')}.invalid")
    try:
        yield tenant
    finally:
        _remove(tenant)


def bench_cameras(count: int) -> list[Camera]:
    """Cameras of the active tenant at one site, each with the lease that records need."""
    site, cameras = Site.objects.create(name="Bench"), []
    for number in range(1, count + 1):
        name = f"Bench {number}"
        camera = Camera.objects.create(site=site, name=name, kind="file", location="bench", epoch=1)
        CameraLease.objects.create(
            camera_id=camera.pk, tenant=active_tenant(), site_id=site.pk, label=name, epoch=camera.epoch
        )
        cameras.append(camera)
    return cameras


def _warm(store: TenantBenchStore) -> None:
    """A worker has its gallery and its connections long before the first person comes."""
    unknown = np.zeros(512, dtype=np.float32)
    store.staff(unknown)
    store.visitors(unknown)


def _enrolled(actor: ClipActor, pack: str) -> StaffMember:
    member = save_staff_member(member=StaffMember(name=actor.name), by=None)
    for number, face in enumerate(actor.known):
        image = add_face_image(member=member, picture=clean_pixels(_stand_in(number)), by=None)
        accept_face(
            face_image=image,
            box=face.box.tolist(),
            landmarks=face.landmarks.ravel().tolist(),
            quality=face.quality.score,
            embedding=face.embedding,
            pack=pack,
        )
    return member


def _stand_in(number: int) -> Picture:
    """Only the embedding of an enrolment picture matters here."""
    return np.full((16, 16, 3), number % 256, dtype=np.uint8)


def _remove(tenant: Tenant) -> None:
    from facetrack.core import objects
    from staff.models import FaceImage
    from visits.models import Sighting, Visit, Visitor

    with inside(tenant):
        for key in FaceImage.objects.values_list("picture", flat=True):
            objects.delete(tenant.pk, key, bucket=objects.RAW)
        shots = {
            key
            for model in (Sighting, Visit, Visitor)
            for key in model.objects.values_list("best_shot", flat=True)
        }
        for key in filter(None, shots):
            objects.delete(tenant.pk, key)
    with as_owner(), schema_context(get_public_schema_name()), transaction.atomic():
        Outbox.objects.filter(tenant=tenant).delete()
        tenant_id = tenant.pk
        tenant.delete(force_drop=True)
        forget_tenant(tenant_id)
