"""rotate_encryption_key: all encrypted values of all customers go under the new key and stay readable."""

from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import numpy as np
import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.utils import decrypt
from cryptography.fernet import Fernet
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from django_tenants.utils import tenant_context
from pytest_django import Settings

from cameras.models import Camera, CameraCredential
from cameras.queries import stored_login
from cameras.rules import Login
from facetrack.core.crypto import rotation
from staff.models import FaceImage, StaffMember
from tenants.models import Tenant
from tenants.rules import Role
from tests.conftest import make_camera, template_of
from visits.models import Visitor

NEW = Fernet.generate_key().decode()


def run(**options: Any) -> str:
    out = StringIO()
    call_command("rotate_encryption_key", stdout=out, **options)
    return out.getvalue()


def fill(people: int) -> None:
    make_camera("Locked", username="operator", password="hunter2")
    member, now = StaffMember.objects.create(name="Ada"), timezone.now()
    for number in range(people):
        FaceImage.objects.create(
            staff_member=member, picture="x", digest=str(number), embedding=template_of(number)
        )
    Visitor.objects.bulk_create(
        Visitor(number=number, template=template_of(number), pack="p", first_seen_at=now, last_seen_at=now)
        for number in range(1, people + 1)
    )


@pytest.fixture
def rows(acme: Tenant, other: Tenant) -> Iterator[None]:
    """Seven people and a camera's login with each of two customers; nothing else is encrypted."""
    for tenant in (acme, other):
        with tenant_context(tenant):
            fill(7)
    with tenant_context(acme):
        yield


@pytest.fixture
def old_key(rows: None, settings: Settings) -> str:
    """The key of the rows; a new one is in front of it by now."""
    old: str = settings.FACETRACK_ENCRYPTION_KEYS[0]
    settings.FACETRACK_ENCRYPTION_KEYS = [NEW, old]
    return old


def readable(tenant: Tenant) -> None:
    with tenant_context(tenant):
        camera = Camera.objects.get(name="Locked")
        assert stored_login(camera.pk) == Login("operator", "hunter2")
        for face in FaceImage.objects.all():
            np.testing.assert_array_equal(face.embedding, template_of(int(face.digest)))
        for visitor in Visitor.objects.all():
            assert visitor.template is not None


def test_afterwards_the_old_key_can_go(old_key: str, acme: Tenant, other: Tenant, settings: Settings) -> None:
    said = run(batch=3)
    assert "32 values re-encrypted, 32 verified. The older keys can be dropped." in said
    settings.FACETRACK_ENCRYPTION_KEYS = [NEW]
    readable(acme)
    readable(other)
    settings.FACETRACK_ENCRYPTION_KEYS = [old_key]
    with pytest.raises(ImproperlyConfigured, match="add the former key"):
        readable(acme)


def test_second_factors_go_along(old_key: str, acme: Tenant, settings: Settings, member_of: Any) -> None:
    settings.FACETRACK_ENCRYPTION_KEYS = [old_key]
    user = member_of(acme, Role.VIEWER)
    TOTP.activate(user, "JBSWY3DPEHPK3PXP")
    codes = RecoveryCodes.activate(user).get_unused_codes()
    settings.FACETRACK_ENCRYPTION_KEYS = [NEW, old_key]
    assert "34 values re-encrypted, 34 verified" in run()
    settings.FACETRACK_ENCRYPTION_KEYS = [NEW]
    app, recovery = (Authenticator.objects.get(user=user, type=kind) for kind in ("totp", "recovery_codes"))
    assert decrypt(app.data["secret"]) == "JBSWY3DPEHPK3PXP"
    assert recovery.wrap().get_unused_codes() == codes


def test_a_dry_run_writes_nothing(old_key: str, acme: Tenant, settings: Settings) -> None:
    assert "32 of 32 values are under older keys. Nothing was written." in run(dry_run=True)
    settings.FACETRACK_ENCRYPTION_KEYS = [old_key]
    readable(acme)


def test_it_goes_on_where_it_was_interrupted(
    old_key: str, acme: Tenant, other: Tenant, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, batches = rotation._write, iter(range(4))

    def write_some(*given: Any) -> None:
        if next(batches, None) is None:
            raise KeyboardInterrupt
        write(*given)

    monkeypatch.setattr(rotation, "_write", write_some)
    with pytest.raises(KeyboardInterrupt):
        run(batch=2)
    readable(acme)
    monkeypatch.setattr(rotation, "_write", write)
    with tenant_context(acme):
        said = run(batch=2)
    done = int(said.split()[0])
    assert 0 < done < 32
    assert "32 verified" in said
    settings.FACETRACK_ENCRYPTION_KEYS = [NEW]
    readable(acme)
    readable(other)


def test_a_value_that_is_changed_meanwhile_stays_as_it_was_written(
    old_key: str, acme: Tenant, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = rotation._write

    def write_late(column: rotation.Column, changes: list[Any]) -> None:
        if column.table == "cameras_cameracredential" and column.name == "password":
            CameraCredential.objects.update(password="changed")
        write(column, changes)

    monkeypatch.setattr(rotation, "_write", write_late)
    run()
    settings.FACETRACK_ENCRYPTION_KEYS = [NEW]
    assert CameraCredential.objects.get().password == "changed"


def test_a_process_that_still_writes_with_the_old_key_is_noticed(
    old_key: str, acme: Tenant, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = rotation._write

    def write_then_another_process(column: rotation.Column, changes: list[Any]) -> None:
        write(column, changes)
        token = Fernet(old_key).encrypt(b"late").decode()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE cameras_cameracredential SET password = %s", [token])

    monkeypatch.setattr(rotation, "_write", write_then_another_process)
    with pytest.raises(CommandError, match="still runs with that key in front"):
        run()


def test_values_that_no_key_opens_are_counted_and_the_rest_is_done(
    old_key: str, acme: Tenant, settings: Settings
) -> None:
    lost = Fernet(Fernet.generate_key()).encrypt(b"x").decode()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE cameras_cameracredential SET username = %s", [lost])
    with pytest.raises(CommandError, match="no key decrypts 1 of 32 values"):
        run()
    settings.FACETRACK_ENCRYPTION_KEYS = [NEW]
    assert FaceImage.objects.exclude(embedding=None).first() is not None


def test_every_encrypted_value_is_in_a_field_that_is_found(rows: None) -> None:
    """Fernet's tokens begin with gAAAA: a column that holds one must be among those that are rotated."""
    known = {str(column) for column in rotation.encrypted_columns(apps.get_models())}
    holding = set()
    for kind in apps.get_models():
        if kind._meta.app_label not in ("cameras", "staff", "visits"):
            continue
        table = kind._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table}")  # noqa: S608
            names = [column.name for column in cursor.description or ()]
            for row in cursor:
                texts = (
                    bytes(v).decode("latin-1") if isinstance(v, bytes | memoryview) else str(v) for v in row
                )
                holding |= {
                    f"{table}.{n}" for n, v in zip(names, texts, strict=True) if v.startswith("gAAAA")
                }
    assert holding <= known
    assert {"visits_visitor.template", "staff_faceimage.embedding"} < holding


def test_its_memory_is_bounded(old_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    largest = 0
    batches: Callable[..., Iterator[list[Any]]] = rotation._batches

    def measured(column: rotation.Column, size: int) -> Iterator[list[Any]]:
        nonlocal largest
        for rows in batches(column, size):
            largest = max(largest, len(rows))
            yield rows

    monkeypatch.setattr(rotation, "_batches", measured)
    run(batch=2)
    assert largest == 2


@pytest.mark.parametrize("batch", [0, -1, 10_001])
def test_a_batch_has_a_size(acme: Tenant, batch: int) -> None:
    with pytest.raises(CommandError, match="--batch must be"):
        run(batch=batch)
