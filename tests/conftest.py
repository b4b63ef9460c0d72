"""The cast: two customers that must never see each other, and people of every role in each."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import numpy as np
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_tenants.utils import schema_context, tenant_context
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from numpy.typing import NDArray
from pytest_django.plugin import DjangoDbBlocker
from redis import Redis

from cameras.models import Camera, CameraCredential, Site
from staff.models import StaffMember
from tenants.actions import add_member, create_tenant, ensure_public
from tenants.isolation.context import installation
from tenants.isolation.owner import as_owner
from tenants.isolation.policies import forget_tenant
from tenants.models import Domain, Membership, Tenant, User
from tenants.queries import active_tenant
from tenants.rules import Role
from tests.backing import MODELS, NO_MODELS
from tests.migrated_database import make_migrated
from visits.actions import record_track
from visits.models import Sighting, SightingDecision
from visits.track_facts import TrackFacts
from workers.fleet.leases import facts_of, lease_guard
from workers.fleet.models import CameraLease, DeviceAssignment
from workers.process.sinks import outage

PASSWORD = "correct horse battery"
PREPARED = "prepared"
"""The database that the tests' own is a copy of."""

# No test fails because a machine does much else.
hypothesis_settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("untimed")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> Iterator[ExitStack]:
    """The tests' database is made, and destroyed, by the owner; tests themselves are the application."""
    make_migrated(os.environ, PREPARED)
    connection.settings_dict["TEST"]["TEMPLATE"] = PREPARED
    with ExitStack() as owner:
        owner.enter_context(as_owner())
        yield owner


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_modify_db_settings: ExitStack, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Two customers for the whole session: making a schema takes longer than most tests."""
    with django_db_blocker.unblock():
        for name in ("acme", "other"):
            create_tenant(name=name, host=f"{name}.localhost", networks=["10.0.0.0/8", "192.168.0.0/16"])
        django_db_modify_db_settings.close()
        ensure_public(host="localhost")
    yield
    with django_db_blocker.unblock():
        connection.close()
        cast(Any, connection).close_pool()
        django_db_modify_db_settings.enter_context(as_owner())


@pytest.fixture
def acme(db: None) -> Iterator[Tenant]:
    """The tenant most tests are about; it is the active one."""
    with installation():
        tenant: Tenant = Tenant.objects.get(schema_name="acme")
    with tenant_context(tenant):
        yield tenant


@pytest.fixture
def other(db: None) -> Tenant:
    with installation():
        tenant: Tenant = Tenant.objects.get(schema_name="other")
    return tenant


@pytest.fixture
def member_of() -> Callable[..., User]:
    """A user with a role in a tenant; the password is PASSWORD.

    `sites` are those of a site manager; without them it is all that the tenant has by now.
    """

    def make(tenant: Tenant, role: Role, *, sites: Iterable[Site] | None = None) -> User:
        with tenant_context(tenant):
            named = Site.objects.all() if sites is None else sites
            return add_member(
                tenant=tenant,
                email=f"{role}@{tenant.schema_name}.test",
                role=role,
                password=PASSWORD,
                sites=[site.pk for site in named] if role is Role.SITE_MANAGER else (),
            )

    return make


@pytest.fixture
def client_of(member_of: Callable[..., User]) -> Callable[..., Client]:
    """A browser on the tenant's host; logged in with a role, or an outsider without one."""

    def make(
        tenant: Tenant,
        role: Role | None = Role.TENANT_ADMIN,
        *,
        user: User | None = None,
        kind: type[Client] = Client,
        sites: Iterable[Site] | None = None,
    ) -> Client:
        client = kind(SERVER_NAME=f"{tenant.schema_name}.localhost")
        if user is None and role is not None:
            user = member_of(tenant, role, sites=sites)
        if user is not None:
            log_in(client, user, tenant)
        return client

    return make


def log_in(client: Client, user: User, tenant: Tenant) -> None:
    """Give the client a session on the tenant's host, as of somebody who was a member there once."""
    with installation():
        former = None
        if not Membership.objects.filter(user=user, tenant=tenant).exists():
            former = Membership.objects.create(user=user, tenant=tenant, role=Role.TENANT_ADMIN)
    with tenant_context(tenant):
        client.force_login(user)
    if former:
        with installation():
            former.delete()


def not_served(host: str) -> None:
    """The host leads to no customer any more."""
    with installation():
        Domain.objects.filter(domain=host).delete()


def drop_further_tenants() -> None:
    """Drop all that tests have committed beside acme and other, and the accounts at new.test."""
    with as_owner(), schema_context("public"):
        for tenant in Tenant.objects.exclude(schema_name__in=["public", "acme", "other"]):
            gone = tenant.pk
            tenant.delete(force_drop=True)
            forget_tenant(gone)
        with connection.cursor() as cursor:  # Django would look for their rows in every tenant's tables
            cursor.execute("DELETE FROM tenants_user WHERE email LIKE '%@new.test'")


@pytest.fixture
def outsider(db: None) -> User:
    """Somebody with an account of the installation and no membership anywhere."""
    with installation():
        return User.objects.create_user("outsider@nowhere.test", PASSWORD)


@pytest.fixture
def camera(acme: Tenant) -> Camera:
    return make_camera()


def make_camera(name: str = "Door", **values: object) -> Camera:
    """A camera of the active tenant that is at epoch 1, with the lease that says so."""
    site = cast(Site | None, values.pop("site", None))
    if site is None:
        site, _ = Site.objects.get_or_create(
            name="Head office", defaults={"reentry_seconds": 60, "networks": ["10.0.0.0/8"]}
        )
    defaults: dict[str, object] = {"kind": "rtsp", "location": "rtsp://127.0.0.1:1/door", "epoch": 1}
    tenant = active_tenant()
    login = {key: str(values.pop(key)) for key in ("username", "password") if key in values}
    camera = Camera.objects.create(site=site, name=name, **(defaults | values))
    if login:
        CameraCredential.objects.create(camera=camera, **login)
    if camera.kind == "usb":  # on the machine that it names, unless the device is another tenant's
        with installation():
            host = camera.host.strip().lower() or "gate"
            DeviceAssignment.objects.get_or_create(
                host=host, device=int(camera.location), defaults={"tenant": tenant}
            )
    CameraLease.objects.create(camera_id=camera.pk, epoch=camera.epoch, **facts_of(camera))
    return camera


@pytest.fixture
def employee(acme: Tenant) -> StaffMember:
    return StaffMember.objects.create(name="Ada Lovelace")


@pytest.fixture
def random_template() -> Callable[[int], NDArray[np.float32]]:
    return template_of


def template_of(person: int, noise: float = 0.0) -> NDArray[np.float32]:
    """The template of a made-up person: the same number gives the same face, other numbers strangers."""
    face = np.random.default_rng(person).normal(size=512)
    face += noise * np.random.default_rng().normal(size=512)
    return (face / np.linalg.norm(face)).astype(np.float32)


@pytest.fixture
def make_visit(
    django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[Any]],
) -> Callable[..., Sighting]:
    """Record a track the way a worker does; returns its sighting (with `.visit`)."""
    tracks = iter(range(1, 10_000))

    def make(
        camera: Camera,
        decision: SightingDecision = SightingDecision.NEW_VISITOR,
        *,
        person: object = None,
        face: int | None = None,
        at: datetime | None = None,
        seconds: float = 4.0,
        **values: object,
    ) -> Sighting:
        started = at or timezone.now()
        facts: dict[str, object] = {
            "camera": camera.pk,
            "epoch": camera.epoch,
            "track": next(tracks),
            "sequence": 0,
            "ended": False,
            "decision": decision.value,
            "person": getattr(person, "pk", person),
            "score": 0.63,
            "reason": "made by a test",
            "started_at": started,
            "last_seen_at": started + timedelta(seconds=seconds),
            "faces": 9,
            "quality": 0.7,
            "pack": "edgeface-xs",
            "template": template_of(face if face is not None else uuid4().int % 2**32),
            "shot": b"\xff\xd8\xff\xe0 not looked at by anybody",
        }
        with django_capture_on_commit_callbacks(execute=True):
            seen = TrackFacts(**(facts | values))  # type: ignore[arg-type]
            sighting = record_track(facts=seen, match=0.36, guard=lease_guard(seen))
        assert sighting is not None
        return sighting

    return make


@pytest.fixture
def shared_models() -> Path:
    """The folder of real models, which is not part of the project."""
    if not MODELS.is_dir():
        pytest.skip(f"{NO_MODELS} names no folder")
    return MODELS


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    """What costs time and is Django's own affair: slow hashes, listing all static files for each client."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture(autouse=True)
def _back_in_public() -> Iterator[None]:
    """No test inherits another one's tenant, its outage, or its counts of wrong passwords."""
    outage.over()
    with closing(Redis.from_url(settings.REDIS_URL)) as redis:
        redis.flushdb()
    yield
    cast(Any, connection).set_schema_to_public()


WITH_MODELS = {
    "chaos",
    "demo",
    "e2e",
    "engines",
    "siege",
    "test_alone.py",
    "test_bench.py",
    "test_edge.py",
    "test_enrol.py",
    "test_enrol_command.py",
    "test_evaluate.py",
    "test_likeness.py",
    "test_models.py",
    "test_pipeline.py",
    "test_replay.py",
    "test_runs.py",
    "test_samples.py",
    "test_upright.py",
    "test_worker.py",
}
"""Folders and files of tests that use face models, in processes of their own too, or a browser."""
MODEL_FIXTURES = {"models", "edgeface", "shared_models", "samples"}


def pytest_itemcollected(item: pytest.Item) -> None:
    if WITH_MODELS & set(item.path.parts) or MODEL_FIXTURES & set(getattr(item, "fixturenames", ())):
        item.add_marker("models")


SLOW_FIRST = (
    "e2e",
    "chaos",
    "siege",
    "upgrade",
    "web",
    "test_edge.py",
    "test_capture_hostile.py",
    "test_fuzz.py",
    "test_odd_values.py",
    "test_same_answer.py",
    "probe",
    "commands",
)
"""Folders and files that take minutes. Begun last, they would keep one process alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first."""

    def place(item: pytest.Item) -> int:
        return next((n for n, name in enumerate(SLOW_FIRST) if name in item.path.parts), len(SLOW_FIRST))

    items.sort(key=place)
