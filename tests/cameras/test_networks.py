"""Which private networks cameras may be in: the installation says it of a tenant, the worker of itself."""

from collections.abc import Callable
from io import StringIO
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from rest_framework.test import APIClient

from cameras.actions import save_site
from cameras.models import Camera, Site
from facetrack.core.addresses.networks import networks_of, overlap
from tenants.actions import allow_networks
from tenants.isolation.context import installation
from tenants.isolation.owner import as_owner
from tenants.models import Tenant, User
from tests.api.answers import V1, problem
from tests.conftest import make_camera
from tests.migrating import migrate
from workers.process.clients.camera_settings import source_of
from workers.process.clients.direct_run_client import DIRECT_RUN_CLIENT

ClientOf = Callable[..., Client]


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (["10.0.0.0/8"], ["10.1.0.0/16", "192.168.0.0/16"], ["10.1.0.0/16"]),
        (["10.1.2.0/24"], ["10.0.0.0/8"], ["10.1.2.0/24"]),
        (["10.1.2.0/24"], ["10.1.3.0/24"], []),
        (["10.1.2.0/24"], [], []),
        (["fd00::/8", "10.0.0.0/8"], ["fd12::/16", "10.0.0.0/8"], ["fd12::/16", "10.0.0.0/8"]),
    ],
)
def test_what_two_lists_have_in_common(one: list[str], other: list[str], both: list[str]) -> None:
    assert overlap(networks_of(one), networks_of(other)) == networks_of(both)
    assert set(overlap(networks_of(other), networks_of(one))) == set(networks_of(both))


def test_a_site_lists_only_what_its_tenant_may_use(acme: Tenant, client_of: ClientOf, camera: Camera) -> None:
    path = f"{V1}/sites/{camera.site_id}/"
    api = client_of(acme, kind=APIClient)
    refused = problem(api.patch(path, {"networks": ["172.16.0.0/16"]}), 400, field="networks")
    assert 'manage.py networks "acme" --add 172.16.0.0/16' in str(refused["errors"])
    problem(api.patch(path, {"networks": ["10.0.0.0/7"]}), 400, field="networks")
    url = reverse("admin:cameras_site_change", args=[camera.site_id])
    form = {"name": "X", "time_zone": "UTC", "reentry_seconds": "60", "networks": "172.16.0.0/16"}
    assert "may not use 172.16.0.0/16" in client_of(acme).post(url, form).content.decode()
    assert Site.objects.get().networks == ["10.0.0.0/8"]


def test_what_is_taken_away_opens_nothing_and_keeps_nobody_from_changing_the_site(
    acme: Tenant, client_of: ClientOf
) -> None:
    camera = make_camera(location="rtsp://10.0.0.7/door")
    allow_networks(tenant=acme, networks=["10.9.0.0/16"])
    camera_settings = DIRECT_RUN_CLIENT.camera_settings(acme, camera.pk)
    assert camera_settings is not None
    assert camera_settings.networks == ("10.9.0.0/16",), "of 10.0.0.0/8, which the site lists"
    site = Site.objects.get()
    site.address = "Elsewhere"
    save_site(site=site, by=None)
    body = {"location": "rtsp://10.0.0.8/door"}
    api = client_of(acme, kind=APIClient)
    problem(api.patch(f"{V1}/cameras/{camera.pk}/", body), 400, field="location")


def test_a_worker_has_networks_of_its_own(acme: Tenant, settings: Settings) -> None:
    camera_settings = DIRECT_RUN_CLIENT.camera_settings(acme, make_camera().pk)
    assert camera_settings is not None
    inside, outside = ip_address("10.7.0.1"), ip_address("10.8.0.1")
    assert source_of(camera_settings)["policy"].problem(outside, 554) is None
    settings.FACETRACK_WORKER_NETWORKS = [ip_network("10.7.0.0/16")]
    policy = source_of(camera_settings)["policy"]
    assert policy.problem(inside, 554) is None
    assert "private" in policy.problem(outside, 554)
    settings.FACETRACK_WORKER_NETWORKS = []
    assert source_of(camera_settings)["policy"].problem(inside, 554)


def test_a_tenant_cannot_allow_itself_anything(acme: Tenant) -> None:
    """Not even with SQL of its own."""
    for statement in (
        "UPDATE public.tenants_tenant SET allowed_networks = '{10.0.0.0/8}'",
        "UPDATE public.tenants_tenant SET name = 'theirs'",
    ):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE public.tenants_tenant SET visitors_shared = false")
        assert cursor.rowcount == 1


def test_the_command_shows_adds_and_removes(acme: Tenant) -> None:
    def said(*words: str) -> str:
        out = StringIO()
        with installation():
            call_command("networks", "acme", *words, stdout=out)
        return out.getvalue()

    assert "10.0.0.0/8, 192.168.0.0/16" in said()
    assert "10.0.0.0/8, 172.16.5.0/24" in said("--add", "172.16.5.9/24", "--remove", "192.168.0.0/16")
    acme.refresh_from_db()
    assert acme.allowed_networks == ["10.0.0.0/8", "172.16.5.0/24"]
    for words, message in (
        (("--add", "8.8.8.0/24"), "not within a private range"),
        (("--add", "door"), "is not a network"),
        (("--remove", "192.168.0.0/16"), "is not in the list"),
        (("--remove", "door"), "write it like"),
    ):
        with pytest.raises(CommandError, match=message):
            said(*words)
    assert "no private network yet" in said("--remove", "10.0.0.0/8", "172.16.5.0/24")


def test_the_installations_admin_allows_them_and_cameras_follow(
    acme: Tenant,
    django_capture_on_commit_callbacks: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    camera = make_camera(enabled=True)
    told: list[str] = []
    monkeypatch.setattr("workers.listeners._send", lambda task, *words, **_: told.append(task))
    with installation():
        User.objects.create_user("root@installation.test", "correct horse battery", is_staff=True)
        with django_capture_on_commit_callbacks(execute=True):
            allow_networks(tenant=acme, networks=["192.168.5.0/24"])
    assert "supervise" in told, "cameras that run learn of it"
    camera_settings = DIRECT_RUN_CLIENT.camera_settings(acme, camera.pk)
    assert camera_settings is not None
    assert camera_settings.networks == ()


def test_a_changed_list_of_a_site_reaches_its_cameras(
    camera: Camera,
    django_capture_on_commit_callbacks: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    monkeypatch.setattr("workers.listeners._send", lambda task, *words, **_: told.append(task))
    Camera.objects.update(enabled=True)
    for networks, follows in ((["10.0.0.0/8"], False), (["10.1.0.0/16"], True)):
        site = Site.objects.get()
        site.networks = networks
        with django_capture_on_commit_callbacks(execute=True):
            save_site(site=site, by=None)
        assert ("supervise" in told) is follows


def test_tenants_keep_what_their_sites_use(acme: Tenant) -> None:
    """As the owner of the tables, who alone may change them, and undone at the end."""
    with as_owner(), transaction.atomic():
        Site.objects.create(name="Shop", networks=["172.16.7.0/24", "10.1.0.0/16"])
        Tenant.objects.filter(pk=acme.pk).update(allowed_networks=[])
        migrate("cameras", "0007_fleet")
        migrate("cameras", "0008_tenants_networks")
        assert Tenant.objects.get(pk=acme.pk).allowed_networks == ["10.1.0.0/16", "172.16.7.0/24"]
        transaction.set_rollback(True)
