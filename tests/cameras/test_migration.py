"""Cameras of the time before logins had a table of their own keep running."""

from django.db import connection, transaction

from cameras.models import Camera, Site
from cameras.queries import stored_login
from cameras.rules import Login
from facetrack.core.crypto import encrypt
from tenants.isolation.owner import as_owner
from tenants.models import Tenant
from tests.migrating import migrate, names

BEFORE, AFTER = "0002_initial", "0007_fleet"


def test_logins_move_and_private_networks_stay_allowed(acme: Tenant) -> None:
    """As the owner of the tables, who alone may change them, and undone at the end."""
    with as_owner(), transaction.atomic():
        _move()
        transaction.set_rollback(True)


def _move() -> None:
    Site.objects.create(name="Head office")
    migrate("cameras", BEFORE)
    rows = [
        ("Plain", "rtsp://10.1.2.3/door", "root", "hunter2"),
        ("In the query", "http://192.168.7.7/x?user=me&pwd=secret", "", ""),
        ("Two of them", "http://192.168.7.8/x?pwd=other", "me", "secret"),
        ("Without", "rtsp://93.184.215.14/x?channel=1", "", ""),
    ]
    site = Site.objects.only("pk").get().pk
    with connection.cursor() as cursor:
        for name, location, username, password in rows:
            secret = encrypt(password.encode()).decode() if password else ""
            cursor.execute(
                "INSERT INTO cameras_camera (id, created_at, updated_at, site_id, name, kind, location,"
                " username, password, loop, detector, enabled, worker, epoch, status, status_detail)"
                " VALUES (gen_random_uuid(), now(), now(), %s, %s, %s, %s, %s, %s, false, '', true, '', 0,"
                " 'stopped', '')",
                [site, name, location.partition(":")[0], location, username, secret],
            )
    migrate("cameras", AFTER)
    migrate("cameras", names("cameras")[-1])
    found = {camera.name: camera for camera in Camera.objects.all()}
    logins = {name: stored_login(camera.pk) for name, camera in found.items()}
    assert logins["Plain"] == Login("root", "hunter2")
    assert logins["In the query"] == Login("me", "secret")
    assert found["In the query"].location == "http://192.168.7.7/x?user={username}&pwd={password}"
    assert logins["Without"] == Login("", "")
    assert [name for name, camera in found.items() if not camera.enabled] == ["Two of them"]
    assert "enter address" in found["Two of them"].status_detail
    assert sorted(Site.objects.get().networks) == ["10.1.2.0/24", "192.168.7.0/24"]
    assert "other" not in str([camera.location for camera in found.values()])
