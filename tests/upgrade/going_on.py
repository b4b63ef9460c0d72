"""What a process of today does with an installation of before; prints what it found as JSON.

Usage: python -m tests.upgrade.going_on SPOOL
"""

# ruff: noqa: E402, T201
import json
import sys
from pathlib import Path
from typing import Any

import django
import numpy as np

django.setup()

from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from cameras.models import Camera
from cameras.queries import stored_login
from facetrack.celery import app
from staff.models import StaffMember
from tenants.isolation.context import inside, installation
from tenants.models import Membership, Outbox, Tenant, TenantSwitch
from visits.index import nearest_visitors, rejected_faces
from visits.models import IdentityRejection, PassageCount, Sighting, Visit, Visitor
from visits.track_facts import TrackFacts
from workers.fleet.leases import require_epoch
from workers.fleet.models import Worker
from workers.indexing import drain_outbox
from workers.process.clients.direct_fleet_client import DirectFleetClient
from workers.process.clients.direct_run_client import DIRECT_RUN_CLIENT
from workers.process.sinks.delivery import deliver
from workers.process.sinks.spool import Spool
from workers.process.sinks.track_record import TrackRecord
from workers.tasks import supervise

PACK = "edgeface-xs"


def template_of(person: int) -> NDArray[np.float32]:
    """As in tests/data/former/make.py."""
    face = np.random.default_rng(person).normal(size=512)
    return (face / np.linalg.norm(face)).astype(np.float32)


def people(tenant: Tenant) -> dict[str, Any]:
    with inside(tenant):
        camera = Camera.objects.get()
        known = DIRECT_RUN_CLIENT.known(tenant, PACK, -1)
        assert known is not None
        return {
            "staff": [one.name for one in StaffMember.objects.all()],
            "recognised": bool(known.templates[0] @ template_of(1) > 0.99),
            "visitors": [one.number for one in Visitor.objects.all()],
            "sightings": sorted(Sighting.objects.values_list("decision", flat=True)),
            "visits": Visit.objects.count(),
            "passages": PassageCount.objects.get().tracks,
            "rejections": IdentityRejection.objects.count(),
            "rejected": sorted(map(len, rejected_faces(PACK).values())),
            "password": stored_login(camera.pk).password,
        }


def shared() -> dict[str, Any]:
    with installation():
        present = {(one._meta.app_label, one._meta.model_name) for one in apps.get_models()}
        kinds = set(ContentType.objects.values_list("app_label", "model"))
        rights = Permission.objects.values_list("content_type__model", "codename")
        return {
            "stale_types": sorted(map(list, kinds - present)),
            "stale_permissions": sorted(
                codename for model, codename in rights if not codename.endswith(f"_{model}")
            ),
            "rights": sorted(
                codename for model, codename in rights if model in ("identityrejection", "tenantswitch")
            ),
            "switches": TenantSwitch.objects.filter(used_at=None).count(),
            "roles": [[one.user.email, one.role] for one in Membership.objects.select_related("user")],
        }


def lease(tenant: Tenant) -> dict[str, Any]:
    """The worker's process of before still runs: its incarnation is the one in its row."""
    with installation():
        worker = Worker.objects.get(name="gate")
    with inside(tenant):
        camera = Camera.objects.get()
    update = DirectFleetClient(worker).keep([(camera.pk, 1)])
    with inside(tenant), transaction.atomic():
        require_epoch(camera_id=camera.pk, epoch=1)
    return {"renewed": [grant.epoch for grant in update.renewed.values()], "given_up": len(update.give_up)}


def outbox(tenant: Tenant) -> dict[str, Any]:
    with installation():
        waiting = Outbox.objects.count()
    done = drain_outbox()
    with installation():
        left = Outbox.objects.count()
    with inside(tenant):
        found = nearest_visitors(tenant, template_of(2), PACK)
        nearest = Visitor.objects.get(pk=found[0].person).number
    return {"waiting": waiting, "done": done, "left": left, "nearest": nearest}


def spooled(tenant: Tenant, folder: Path) -> dict[str, Any]:
    spool = Spool(folder, megabytes=1)
    depth = spool.depth
    arrived = deliver(spool)
    with inside(tenant):
        told = Sighting.objects.filter(track__in=(5, 6)).order_by("track")
        return {
            "depth": depth,
            "arrived": arrived,
            "left": spool.depth,
            "damaged": len(list(folder.glob("*.damaged"))),
            "decisions": [one.decision for one in told],
            "reason": len(told[1].reason),
            "picture": bool(told[0].best_shot),
            "passages": PassageCount.objects.get().tracks,
        }


def recording(tenant: Tenant) -> dict[str, Any]:
    """The visitor of before comes again, in a track of today."""
    with inside(tenant):
        camera = Camera.objects.get()
        before = Visitor.objects.count()
    now = timezone.now()
    facts = TrackFacts(
        camera=camera.pk,
        epoch=1,
        track=8,
        sequence=0,
        ended=True,
        decision="new_visitor",
        score=0.1,
        started_at=now,
        last_seen_at=now,
        faces=9,
        quality=0.7,
        pack=PACK,
        template=template_of(2),
    )
    DIRECT_RUN_CLIENT.record(tenant, TrackRecord(tenant.pk, facts, 0.36, now))
    with inside(tenant):
        sighting = Sighting.objects.get(track=8)
        return {
            "decision": sighting.decision,
            "number": sighting.visitor and sighting.visitor.number,
            "new": Visitor.objects.count() - before,
        }


def main(folder: Path) -> None:
    with installation():
        tenant = Tenant.objects.get(schema_name="acme")
    app.loader.import_default_modules()
    found = {
        "shared": shared(),
        "people": people(tenant),
        "lease": lease(tenant),
        "outbox": outbox(tenant),
        "spool": spooled(tenant, folder),
        "recording": recording(tenant),
        "tasks": sorted(name for name in app.tasks if not name.startswith("celery.")),
    }
    supervise()
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
