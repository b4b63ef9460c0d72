"""Keys are made, listed, rotated and revoked over the API: by administrators, for less than they have."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django_tenants.utils import tenant_context
from rest_framework.test import APIClient

from cameras.models import Camera, Site
from tenants import events
from tenants.access.rights import Access
from tenants.credentials.actions import create_key, rotate_key
from tenants.models import ApiKey, Tenant, User
from tenants.rules import MEMBER_ROLES, Role, may
from tenants.rules.keys import KEY_ROLES, within
from tests.api.answers import KEY_TOKEN, V1, bearer, problem, results

KEYS = f"{V1}/keys/"
NEW = {"name": "Door display", "role": "viewer", "scopes": ["read"]}


@pytest.fixture
def heard() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """The events that the record is made of."""
    said: list[tuple[str, dict[str, Any]]] = []
    listeners = {}
    for name in ("issued", "used", "revoked", "refused"):
        signal = getattr(events, f"credential_{name}")

        def hear(what: str = name, **event: Any) -> None:
            said.append((what, event))

        signal.connect(hear)
        listeners[signal] = hear
    yield said
    for signal, hear in listeners.items():
        signal.disconnect(hear)


def test_a_key_is_made_and_shown_once(api: APIClient, acme: Tenant) -> None:
    answer = api.post(KEYS, NEW | {"days": 30})
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    made = answer.json()
    assert made["key"].startswith(f"ft_{made['prefix']}_")
    assert (made["state"], made["sites"], made["scopes"]) == ("active", None, ["read"])
    assert made["created_by"] == User.objects.get().email
    client = APIClient(SERVER_NAME="acme.localhost", HTTP_AUTHORIZATION=f"Api-Key {made['key']}")
    assert client.get(f"{V1}/sites/").status_code == 200
    for later in (api.get(KEYS), api.get(f"{KEYS}{made['id']}/")):
        assert later.status_code == 200
        assert made["key"].split("_", 2)[2] not in later.content.decode()
    assert "digest" not in results(api.get(KEYS))[0]


def test_a_key_is_rotated_and_revoked(api: APIClient) -> None:
    old = api.post(KEYS, NEW).json()
    new = api.post(f"{KEYS}{old['id']}/rotate/", {"overlap_hours": 1})
    assert new.status_code == 201
    assert new.json()["key"] != old["key"]
    assert api.get(f"{KEYS}{old['id']}/").json()["replaced_by"] == new.json()["id"]
    again = problem(api.post(f"{KEYS}{old['id']}/rotate/", {}), 409)
    assert "successor" in again["errors"]["non_field_errors"][0]
    gone = api.post(f"{KEYS}{old['id']}/revoke/")
    assert (gone.status_code, gone.json()["state"]) == (200, "revoked")
    assert api.post(f"{KEYS}{old['id']}/revoke/").status_code == 200


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"role": "owner"}, "role"),
        ({"role": "worker", "scopes": ["worker"]}, "role"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"scopes": ["worker"]}, "scopes"),
        ({"scopes": ["tenants.manage_keys"]}, "scopes"),
        ({"scopes": ["read"] * 21}, "scopes"),
        ({"sites": [str(uuid4())]}, "sites"),
        ({"sites": ["x"]}, "sites"),
        ({"role": "site_manager"}, "sites"),
        ({"role": "site_manager", "sites": []}, "sites"),
        ({"role": "tenant_admin", "sites": []}, "sites"),
        ({"days": 0}, "days"),
        ({"days": 731}, "days"),
        ({"created_by": "me"}, "created_by"),
        ({"digest": "x"}, "digest"),
    ],
)
def test_what_makes_no_sense_is_refused(api: APIClient, wrong: dict[str, Any], field: str) -> None:
    problem(api.post(KEYS, NEW | wrong), 400, field=field)
    assert not ApiKey.objects.exists()


def test_a_site_of_another_customer_is_none(api: APIClient, other: Tenant) -> None:
    with tenant_context(other):
        site = Site.objects.create(name="Elsewhere")
    problem(api.post(KEYS, NEW | {"sites": [str(site.pk)]}), 400, field="sites")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.SITE_MANAGER])
def test_only_administrators_manage_keys(
    acme: Tenant, api: APIClient, api_of: Callable[..., APIClient], role: Role
) -> None:
    key = api.post(KEYS, NEW).json()
    client = api_of(acme, role)
    for path in ("", f"{key['id']}/"):
        problem(client.get(f"{KEYS}{path}"), 403)
    for path in ("", f"{key['id']}/rotate/", f"{key['id']}/revoke/"):
        problem(client.post(f"{KEYS}{path}", NEW if not path else {}), 403)
    assert ApiKey.objects.get().revoked_at is None


def test_keys_of_another_customer_are_not_there(
    acme: Tenant, other: Tenant, api: APIClient, api_of: Callable[..., APIClient]
) -> None:
    key = api.post(KEYS, NEW).json()
    stranger = api_of(other)
    assert results(stranger.get(KEYS)) == []
    foreign, unknown = (stranger.get(f"{KEYS}{pk}/") for pk in (key["id"], uuid4()))
    problem(foreign, 404)
    assert foreign.content == unknown.content
    for verb in ("rotate", "revoke"):
        problem(stranger.post(f"{KEYS}{key['id']}/{verb}/", {}), 404)
    with tenant_context(acme):
        assert ApiKey.objects.get().revoked_at is None


def test_a_key_cannot_make_another(acme: Tenant, api: APIClient) -> None:
    text = api.post(KEYS, NEW | {"role": "tenant_admin", "scopes": ["read", "write"]}).json()["key"]
    token = APIClient(SERVER_NAME="acme.localhost").post(KEY_TOKEN, {"key": text}).json()["access"]
    direct = APIClient(SERVER_NAME="acme.localhost", HTTP_AUTHORIZATION=f"Api-Key {text}")
    for client in (direct, bearer("acme.localhost", token)):
        problem(client.post(KEYS, NEW), 403)
        problem(client.get(KEYS), 403)
    own = Access(acme, Role.TENANT_ADMIN, key=uuid4(), scopes=frozenset({"read"}))
    with pytest.raises(PermissionDenied, match="cannot create keys"):
        create_key(tenant=acme, name="x", role=Role.VIEWER, scopes=["read"], by=own)


@pytest.mark.parametrize("made", KEY_ROLES)
@pytest.mark.parametrize("maker", MEMBER_ROLES)
def test_no_key_gives_more_than_its_maker_has(maker: Role, made: Role) -> None:
    """Said by rank; checked here against what the table of rights says."""
    verbs = ("view", "add", "change", "delete")
    rights = [f"{app}.{verb}_x" for app in ("cameras", "staff", "visits") for verb in verbs]
    if within(made, None, of=maker, of_sites=None):
        assert all(may(maker, right) for right in rights if may(made, right))
    assert not within(Role.WORKER, None, of=maker, of_sites=None)


def test_a_maker_of_some_sites_gives_no_others(acme: Tenant, camera: Camera, member_of: Any) -> None:
    mine, elsewhere = camera.site_id, Site.objects.create(name="Depot").pk
    by = Access(acme, Role.SITE_MANAGER, sites=frozenset({mine}), user=member_of(acme, Role.SITE_MANAGER))
    facts: dict[str, Any] = {"tenant": acme, "name": "x", "scopes": ["read"], "by": by}
    create_key(**facts, role=Role.VIEWER, sites=[mine])
    for role, sites in [
        (Role.VIEWER, None),
        (Role.VIEWER, [elsewhere]),
        (Role.SITE_MANAGER, [mine, elsewhere]),
        (Role.TENANT_ADMIN, None),
    ]:
        with pytest.raises(PermissionDenied):
            create_key(**facts, role=role, sites=sites)
    key = create_key(tenant=acme, name="y", role=Role.TENANT_ADMIN, scopes=["read"], by=None)[0]
    with pytest.raises(PermissionDenied):
        rotate_key(key=key, tenant=acme, by=by)
    assert ApiKey.objects.filter(replaced_by=None).count() == 2


def test_there_is_a_limit(api: APIClient, settings: Any) -> None:
    settings.FACETRACK_MAX_API_KEYS = 1
    first = api.post(KEYS, NEW).json()
    refusal = problem(api.post(KEYS, NEW), 409)
    assert (refusal["code"], "1 of 1 API keys" in refusal["detail"]) == ("quota_exceeded", True)
    api.post(f"{KEYS}{first['id']}/revoke/")
    assert api.post(KEYS, NEW).status_code == 201


def test_keys_that_are_replaced_do_not_pile_up(api: APIClient, settings: Any) -> None:
    """One can be replaced where all are in use; its successor not again while it works itself."""
    settings.FACETRACK_MAX_API_KEYS = 1
    first = api.post(KEYS, NEW).json()
    second = api.post(f"{KEYS}{first['id']}/rotate/", {}).json()
    again = f"{KEYS}{second['id']}/rotate/"
    assert "already replaced" in str(problem(api.post(again, {}), 409)["errors"])
    api.post(f"{KEYS}{first['id']}/revoke/")
    assert api.post(again, {}).status_code == 201


def test_the_list_is_searched_and_paged(api: APIClient) -> None:
    door, gate = (api.post(KEYS, NEW | {"name": name}).json() for name in ("Door", "Gate"))
    assert [row["name"] for row in results(api.get(KEYS))] == ["Gate", "Door"]
    for search in ("door", door["prefix"], f"ft_{door['prefix'][:6]}"):
        assert [row["name"] for row in results(api.get(KEYS, {"search": search}))] == ["Door"]
    page = api.get(KEYS, {"page_size": 1}).json()
    assert [row["id"] for row in page["results"]] == [gate["id"]]
    assert [row["id"] for row in results(api.get(page["next"]))] == [door["id"]]
    problem(api.get(KEYS, {"state": "active"}), 400, field="state")


def test_the_record_hears_everything_but_secrets(
    acme: Tenant, api: APIClient, heard: list[tuple[str, dict[str, Any]]]
) -> None:
    made = api.post(KEYS, NEW).json()
    host = APIClient(SERVER_NAME="acme.localhost")
    token = host.post(KEY_TOKEN, {"key": made["key"]}).json()["access"]
    rotated = api.post(f"{KEYS}{made['id']}/rotate/", {}).json()
    api.post(f"{KEYS}{made['id']}/revoke/")
    host.post(KEY_TOKEN, {"key": made["key"]})
    bearer("acme.localhost", token).get(f"{V1}/sites/")
    said = [(name, event["kind"]) for name, event in heard]
    assert said == [
        *(("issued", "key"), ("used", "key"), ("issued", "key"), ("revoked", "key")),
        *(("refused", "key"), ("refused", "access")),
    ]
    admin = User.objects.get()
    assert all(event["tenant"] == acme and event["address"] == "127.0.0.1" for _, event in heard)
    assert [event["user"] for _, event in heard if "user" in event] == [admin.pk] * 3
    for secret in (made["key"].split("_", 2)[2], rotated["key"].split("_", 2)[2], token):
        assert secret not in str(heard)
