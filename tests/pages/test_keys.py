"""The page of API keys: made there, shown once, rotated, revoked."""

import logging
import re
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from cameras.models import Camera
from tenants.access.rights import Access
from tenants.credentials.actions import create_key
from tenants.isolation.context import installation
from tenants.models import ApiKey, Membership, Session, Tenant, User
from tenants.rules import Role

ClientOf = Callable[..., Client]
NEW = {"name": "Door display", "role": "viewer", "scopes": ["read"], "days": "90"}
SECRET = re.compile(r"ft_[a-z2-7]{12}_([\w-]{43})")


@pytest.fixture
def browser(acme: Tenant, client_of: ClientOf) -> Client:
    return client_of(acme)


@pytest.fixture
def key(acme: Tenant) -> ApiKey:
    return create_key(tenant=acme, name="Door", role=Role.VIEWER, scopes=["read"], by=None)[0]


def test_the_secret_is_shown_once_and_kept_nowhere(browser: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    page = browser.post("/keys/new/", NEW)
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    (secret,) = set(SECRET.findall(page.content.decode()))
    key = ApiKey.objects.get()
    assert key.name == "Door display"
    assert timedelta(days=89) < key.expires_at - timezone.now() <= timedelta(days=90)
    for path in ("/keys/", "/", "/keys/new/", f"/keys/{key.pk}/rotate/", f"/keys/{key.pk}/revoke/"):
        assert secret not in browser.get(path).content.decode()
    sessions = [str(session.get_decoded()) for session in Session.objects.all()]
    assert not [found for found in (*sessions, caplog.text, str(browser.cookies)) if secret in found]


def test_a_key_is_limited_to_sites(browser: Client, camera: Camera) -> None:
    assert camera.site.name in browser.get("/keys/new/").content.decode()
    browser.post("/keys/new/", NEW | {"role": "site_manager", "sites": [str(camera.site_id)]})
    assert ApiKey.objects.get().sites == [camera.site_id]
    assert f"Only {camera.site.name}" in browser.get("/keys/").content.decode()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": " "}, "This field is required"),
        ({"role": "worker"}, "not one of the available choices"),
        ({"scopes": ["worker"]}, "not one of the available choices"),
        ({"scopes": []}, "This field is required"),
        ({"days": "731"}, "less than or equal to 730"),
        ({"role": "site_manager"}, "Choose at least one"),
        ({"sites": [str(uuid4())]}, "not one of the available choices"),
    ],
)
def test_a_form_that_makes_no_sense_comes_back(browser: Client, wrong: dict[str, object], words: str) -> None:
    page = browser.post("/keys/new/", NEW | wrong)
    assert words in page.content.decode()
    assert not ApiKey.objects.exists()


def test_the_list_says_how_each_key_is_doing(acme: Tenant, browser: Client, key: ApiKey) -> None:
    def said() -> str:
        return browser.get("/keys/").content.decode()

    assert "Active" in said()
    assert "never used" in said()
    ApiKey.objects.update(expires_at=timezone.now() + timedelta(days=13), last_used_at=timezone.now())
    assert "Ends soon" in said()
    assert "never used" not in said()
    ApiKey.objects.update(expires_at=timezone.now())
    assert "Expired" in said()
    assert f"/keys/{key.pk}/rotate/" not in said()


def test_a_key_whose_maker_left_says_so_and_is_taken_over(
    acme: Tenant, browser: Client, member_of: Callable[[Tenant, Role], User]
) -> None:
    with installation():
        maker = User.objects.create_user("left@acme.test")
        Membership.objects.create(tenant=acme, user=maker, role=Role.TENANT_ADMIN)
    access = Access(acme, Role.TENANT_ADMIN, user=maker)
    key = create_key(tenant=acme, name="Door", role=Role.VIEWER, scopes=["read"], by=access)[0]
    assert "Stopped" not in browser.get("/keys/").content.decode()
    Membership.objects.filter(user=maker).delete()
    assert "Stopped" in browser.get("/keys/").content.decode()
    page = browser.post(f"/keys/{key.pk}/rotate/", {"overlap_hours": "0"})
    assert SECRET.search(page.content.decode())
    assert ApiKey.objects.get(replaced_by=None).created_by == member_of(acme, Role.TENANT_ADMIN)


def test_search_empty_state_and_pages(acme: Tenant, browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No keys</strong>" in browser.get("/keys/").content.decode()
    for name in ("Door", "Gate"):
        create_key(tenant=acme, name=name, role=Role.VIEWER, scopes=["read"], by=None)
    found = browser.get("/keys/", {"q": "gat"}, headers={"HX-Request": "true"})
    assert [row["key"].name for row in found.context["rows"]] == ["Gate"]
    assert "<html" not in found.content.decode()
    assert "No keys</strong>" in browser.get("/keys/", {"q": "nobody"}).content.decode()
    assert "Check the filters" in browser.get("/keys/", {"q": "x" * 101}).content.decode()
    monkeypatch.setattr("tenants.pages.keys.views.PAGE_ROWS", 1)
    assert "Page 2 of 2" in browser.get("/keys/", {"page": "2"}).content.decode()


def test_rotating_shows_the_successor_and_the_end_of_the_old_one(browser: Client, key: ApiKey) -> None:
    assert "Both keys work" in browser.get(f"/keys/{key.pk}/rotate/").content.decode()
    page = browser.post(f"/keys/{key.pk}/rotate/", {"overlap_hours": "5"}).content.decode()
    assert SECRET.search(page)
    assert f"The old key ft_{key.prefix}" in page
    again = browser.post(f"/keys/{key.pk}/rotate/", {"overlap_hours": "5"}).content.decode()
    assert "was already replaced" in again
    assert not SECRET.search(again)
    for hours in ("-1", "721", "x", ""):
        page = browser.post(f"/keys/{key.pk}/rotate/", {"overlap_hours": hours}).content.decode()
        assert not SECRET.search(page)
    assert ApiKey.objects.count() == 2


def test_revoking_asks_first(browser: Client, key: ApiKey) -> None:
    assert "cannot undo this" in browser.get(f"/keys/{key.pk}/revoke/").content.decode()
    assert ApiKey.objects.get().revoked_at is None
    page = browser.post(f"/keys/{key.pk}/revoke/", follow=True).content.decode()
    assert "is revoked" in page
    assert ApiKey.objects.get().revoked_at is not None


@pytest.mark.parametrize("role", [Role.VIEWER, Role.SITE_MANAGER])
def test_others_neither_see_nor_touch_keys(
    acme: Tenant, client_of: ClientOf, key: ApiKey, role: Role
) -> None:
    client = client_of(acme, role)
    assert "/keys/" not in client.get("/cameras/").content.decode()
    for path in ("/keys/", "/keys/new/", f"/keys/{key.pk}/rotate/", f"/keys/{key.pk}/revoke/"):
        assert client.get(path).status_code == 403
        if path != "/keys/":
            assert client.post(path, NEW).status_code == 403
    assert ApiKey.objects.get().revoked_at is None


def test_keys_of_another_customer_are_not_there(
    acme: Tenant, other: Tenant, client_of: ClientOf, key: ApiKey
) -> None:
    stranger = client_of(other)
    assert "Door" not in stranger.get("/keys/").content.decode()
    for verb in ("rotate", "revoke"):
        foreign = stranger.post(f"/keys/{key.pk}/{verb}/", {"overlap_hours": "0"})
        assert foreign.status_code == 404
        assert foreign.content == stranger.post(f"/keys/{uuid4()}/{verb}/").content
    with installation():
        assert ApiKey.objects.get().revoked_at is None


def test_the_installation_sees_and_revokes_workers_keys_only(acme: Tenant, key: ApiKey) -> None:
    boss = Client(SERVER_NAME="localhost")
    with installation():
        public = Tenant.objects.get(schema_name="public")
        worker = create_key(
            tenant=public, name="w1", role=Role.WORKER, scopes=["worker"], worker="w1", by=None
        )[0]
        boss.force_login(User.objects.create_superuser("boss@localhost.test"))
    page = boss.get("/admin/tenants/apikey/").content.decode()
    assert worker.prefix in page
    assert key.prefix not in page
    chosen = {"action": "revoke", "_selected_action": [str(worker.pk), str(key.pk)]}
    boss.post("/admin/tenants/apikey/", chosen)
    with installation():
        assert {one.name for one in ApiKey.objects.exclude(revoked_at=None)} == {"w1"}
