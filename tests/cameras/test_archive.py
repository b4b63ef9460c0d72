"""Cameras and sites with a history are archived: they release what they had, and what they saw stays."""

from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from cameras.actions import (
    SourceTaken,
    archive_camera,
    archive_site,
    save_camera,
    save_site,
    set_enabled,
    unarchive_camera,
    unarchive_site,
)
from cameras.models import Camera, Site
from cameras.queries import cameras, named, site_names, sites
from tenants.access.rights import whole_tenant
from tenants.isolation.quotas import QuotaExceeded, Resource, quota_of
from tenants.models import Tenant
from tenants.rules import Role
from tests.api.answers import V1, problem
from tests.conftest import make_camera
from visits.models import Sighting
from workers.fleet.leases import TTL, keep_lease, require_epoch
from workers.fleet.models import CameraLease
from workers.fleet.queries import owner_of
from workers.fleet.registration import Introduction, register

ClientOf = Callable[..., Client]
MakeVisit = Callable[..., Sighting]
pytestmark = pytest.mark.usefixtures("acme")


def running(camera: Camera) -> CameraLease:
    """As if a worker ran the camera now."""
    Camera.objects.filter(pk=camera.pk).update(enabled=True, exclusive=True, status="running")
    keep_lease(camera_id=camera.pk)
    worker = register(introduction=Introduction(name="w1", capacity=8, host="here"))
    CameraLease.objects.filter(pk=camera.pk).update(worker=worker, epoch=7, expires_at=Now() + TTL)
    camera.refresh_from_db()
    return CameraLease.objects.get(pk=camera.pk)


def test_an_archived_camera_stops_and_releases_what_it_had(
    camera: Camera, django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    camera.kind, camera.location = "rtsp", "rtsp://10.0.0.9/door"
    camera.save()
    assert running(camera).source_key
    assert owner_of(camera.pk) is not None
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        archive_camera(camera=camera, by=None)
    lease = CameraLease.objects.get(pk=camera.pk)
    assert (lease.desired, lease.source_key, lease.device) == (False, "", None)
    assert (lease.worker, lease.planned, lease.expires_at) == (None, None, None)
    assert owner_of(camera.pk) is None
    require_epoch(camera_id=camera.pk, epoch=7)  # what the last run has seen still counts
    camera.refresh_from_db()
    assert (camera.enabled, camera.status, camera.status_detail) == (False, "stopped", "")


def test_the_name_and_the_source_are_free_again_and_come_back_while_they_are(camera: Camera) -> None:
    archive_camera(camera=camera, by=None)
    unarchive_camera(camera=camera, by=None)
    archive_camera(camera=camera, by=None)
    heir = Camera(site=camera.site, name=camera.name, kind="rtsp", location="rtsp://10.0.0.9/door")
    save_camera(camera=heir, by=None)
    with pytest.raises(ValidationError, match="Another camera of this site has this name"):
        unarchive_camera(camera=camera, by=None)
    camera.refresh_from_db()
    assert camera.archived_at is not None
    archive_camera(camera=heir, by=None)
    unarchive_camera(camera=camera, by=None)


def test_a_source_that_another_camera_uses_by_now_is_not_taken_back(camera: Camera) -> None:
    values = {"kind": "rtsp", "location": "rtsp://10.0.0.9/door", "exclusive": True}
    Camera.objects.filter(pk=camera.pk).update(**values)
    camera.refresh_from_db()
    archive_camera(camera=camera, by=None)
    heir = save_camera(camera=Camera(site=camera.site, name="Heir", **values), by=None)
    running(heir)
    with pytest.raises(SourceTaken, match="Heir"):
        unarchive_camera(camera=camera, by=None)


def test_what_is_archived_is_not_changed_or_started(camera: Camera) -> None:
    archive_camera(camera=camera, by=None)
    acts: list[Callable[[], object]] = [
        lambda: set_enabled(camera=camera, enabled=True, by=None),
        lambda: save_camera(camera=camera, by=None),
        lambda: archive_camera(camera=camera, by=None),
    ]
    for act in acts:
        with pytest.raises(ValidationError, match="is archived"):
            act()
    site = camera.site
    archive_site(site=site, by=None)
    with pytest.raises(ValidationError, match="is archived"):
        save_site(site=site, by=None)
    with pytest.raises(ValidationError, match="is archived"):
        unarchive_camera(camera=Camera.objects.get(pk=camera.pk), by=None)
    with pytest.raises(ValidationError, match="Choose another"):
        save_camera(camera=Camera(site=site, name="New", kind="usb", location="0"), by=None)


def test_a_site_is_archived_with_its_cameras(camera: Camera) -> None:
    site = camera.site
    archive_site(site=site, by=None)
    assert Camera.objects.get(pk=camera.pk).archived_at is not None
    assert not sites(whole_tenant())
    assert not cameras(whole_tenant())
    assert site_names() == {}
    assert site_names(archived=True) == {site.pk: named(site)}
    twin = save_site(site=Site(name=site.name), by=None)
    with pytest.raises(ValidationError, match="Another site has this name"):
        unarchive_site(site=site, by=None)
    archive_site(site=twin, by=None)
    unarchive_site(site=Site.objects.get(pk=site.pk), by=None)
    assert [one.pk for one in sites(whole_tenant())] == [site.pk]
    assert not cameras(whole_tenant()), "each comes back by itself"


def test_archived_things_take_no_place(acme: Tenant, camera: Camera, settings: object) -> None:
    archive_site(site=camera.site, by=None)
    assert quota_of(acme, Resource.CAMERAS).used == 0
    assert quota_of(acme, Resource.SITES).used == 0
    settings.FACETRACK_MAX_SITES = 0  # type: ignore[attr-defined]
    with pytest.raises(QuotaExceeded):
        unarchive_site(site=camera.site, by=None)


def test_the_history_stays_and_filters_say_what_is_archived(
    acme: Tenant, client_of: ClientOf, camera: Camera, make_visit: MakeVisit
) -> None:
    seen = make_visit(camera)
    make_camera("Back door")  # a filter with one choice is not shown
    client, manager = client_of(acme), client_of(acme, Role.SITE_MANAGER, sites=[camera.site])
    archive_site(site=camera.site, by=None)
    camera.refresh_from_db()
    for member in (client, manager):
        page = member.get("/sightings/", {"camera": str(camera.pk)}).content.decode()
        assert f"sighting-{seen.pk}" in page
        assert named(camera) in page
        assert "archived" in named(camera)
        assert (
            f"sighting-{seen.pk}" in member.get("/sightings/", {"site": str(camera.site_id)}).content.decode()
        )
        admin = member.get(reverse("admin:visits_sighting_changelist")).content.decode()
        assert named(camera) in admin
        assert f"camera-{camera.pk}" not in member.get("/cameras/").content.decode()
    add = client.get(reverse("admin:cameras_camera_add")).content.decode()
    assert str(camera.site_id) not in add
    assert str(camera.site_id) not in client.get("/members/").content.decode()


def test_a_persons_archived_site_is_not_lost_when_the_person_is_edited(
    acme: Tenant, client_of: ClientOf, camera: Camera, employee: object
) -> None:
    """Without sites a person works everywhere: all site managers would see them."""
    employee.sites = [camera.site_id]  # type: ignore[attr-defined]
    employee.save()  # type: ignore[attr-defined]
    archive_site(site=camera.site, by=None)
    page = client_of(acme).get(
        reverse("admin:staff_staffmember_change", args=[employee.pk])  # type: ignore[attr-defined]
    )
    assert f'value="{camera.site_id}"' in page.content.decode()
    new = client_of(acme).get(reverse("admin:staff_staffmember_add"))
    assert str(camera.site_id) not in new.content.decode()


def test_the_page_asks_first_archives_and_unarchives(
    acme: Tenant, client_of: ClientOf, camera: Camera
) -> None:
    client = client_of(acme)
    page, archive = f"/cameras/{camera.pk}/", f"/cameras/{camera.pk}/archive/"
    assert archive in client.get(page).content.decode()
    for role in (Role.SITE_MANAGER, Role.VIEWER):
        other = client_of(acme, role)
        assert archive not in other.get(page).content.decode()
        assert other.post(archive).status_code == 403
        assert other.post(f"/cameras/{camera.pk}/unarchive/").status_code == 403
    assert "What it saw stays" in client.get(archive).content.decode()
    camera.refresh_from_db()
    assert camera.archived_at is None
    client.post(archive)
    listed = client.get("/cameras/").content.decode()
    assert "Archived cameras" in listed
    assert page in listed
    shown = client.get(page).content.decode()
    assert "Unarchive" in shown
    for button in ("/start/", "/ask/", "/change/"):
        assert button not in shown
    assert client.post(f"/cameras/{camera.pk}/start/").status_code == 404
    assert client.post(f"/cameras/{camera.pk}/ask/test/").status_code == 404
    client.post(f"/cameras/{camera.pk}/unarchive/")
    camera.refresh_from_db()
    assert camera.archived_at is None


def _is_archived(row: Camera | Site) -> bool:
    row.refresh_from_db()
    return row.archived_at is not None


def test_the_admin_archives_after_a_question_and_unarchives(
    acme: Tenant, client_of: ClientOf, camera: Camera, make_visit: MakeVisit
) -> None:
    make_visit(camera)
    client = client_of(acme)
    for name, row in (("cameras_camera", camera), ("cameras_site", camera.site)):
        page = reverse(f"admin:{name}_changelist")
        asked = {"action": "archive", "_selected_action": [str(row.pk)]}
        assert "What" in client.post(page, asked).content.decode()
        assert not _is_archived(row)
        client.post(page, asked | {"confirmed": "yes"})
        assert _is_archived(row)
        assert client.get(page, {"archived": "yes"}).context["cl"].result_count == 1
        assert client.get(page, {"archived": "no"}).context["cl"].result_count == 0
        change = reverse(f"admin:{name}_change", args=[row.pk])
        assert client.post(change, {"name": "Other"}).status_code == 403
        if name == "cameras_camera":
            client.post(page, {"action": "unarchive", "_selected_action": [str(row.pk)]})
            assert not _is_archived(row)
    client.post(
        reverse("admin:cameras_site_changelist"), {"action": "unarchive", "_selected_action": [str(row.pk)]}
    )
    assert not _is_archived(row)


def test_over_the_api(acme: Tenant, client_of: Callable[..., APIClient], make_visit: MakeVisit) -> None:
    api, camera = client_of(acme, kind=APIClient), make_camera("Gate")
    make_visit(camera)
    path, rows = f"{V1}/cameras/{camera.pk}/", f"{V1}/cameras/"
    problem(api.delete(path, headers={"X-Reason": "gone"}), 409)
    assert api.post(f"{path}archive/").json()["archived_at"]
    problem(api.post(f"{path}archive/"), 409)
    assert api.get(rows).json()["results"] == []
    assert [row["id"] for row in api.get(rows, {"archived": "true"}).json()["results"]] == [str(camera.pk)]
    assert api.get(rows, {"archived": "false"}).json()["results"] == []
    assert api.get(path).json()["state"] == "Archived"
    assert "is archived" in problem(api.patch(path, {"name": "Other"}), 409)["detail"]
    problem(api.post(f"{path}start/"), 404)
    answer = api.post(rows, {"site": str(camera.site_id), "name": "Gate", "kind": "usb", "location": "0"})
    assert answer.status_code == 201, answer.content
    problem(api.post(f"{path}unarchive/"), 409)
    assert api.delete(f"{rows}{answer.json()['id']}/", headers={"X-Reason": "a mistake"}).status_code == 204
    assert api.post(f"{path}unarchive/").json()["archived_at"] is None
    place = f"{V1}/sites/{camera.site_id}/"
    assert api.post(f"{place}archive/").json()["archived_at"]
    assert api.get(f"{V1}/sites/").json()["results"] == []
    assert api.post(f"{place}unarchive/").json()["archived_at"] is None


@pytest.mark.parametrize("kind", ["cameras", "sites", "staff", "visitors"])
def test_a_delete_without_a_reason_is_refused_and_deletes_nothing(
    acme: Tenant,
    client_of: Callable[..., APIClient],
    employee: object,
    make_visit: MakeVisit,
    kind: str,
) -> None:
    camera = make_camera("Gate")
    visitor = make_visit(camera).visitor
    spare = make_camera("Spare", site=Site.objects.create(name="Spare"))
    keys = {"cameras": spare.pk, "sites": Site.objects.create(name="New").pk, "staff": employee.pk}  # type: ignore[attr-defined]
    keys["visitors"] = visitor.pk  # type: ignore[union-attr]
    api, path = client_of(acme, kind=APIClient), f"{V1}/{kind}/{keys[kind]}/"
    assert "X-Reason" in problem(api.delete(path), 400)["errors"]
    assert "X-Reason" in problem(api.delete(path, headers={"X-Reason": "  "}), 400)["errors"]
    assert api.get(path).status_code == 200
    assert api.delete(path, headers={"X-Reason": "moved away"}).status_code == 204
    assert api.get(path).status_code == 404
