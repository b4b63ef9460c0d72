"""API keys at work: what they open, what tokens made of them open, and when both stop to."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from cameras.models import Camera
from staff.models import StaffMember
from tenants.access.rights import Access
from tenants.credentials.actions import create_key, revoke_key, rotate_key
from tenants.events import credential_refused
from tenants.isolation.context import installation
from tenants.models import ApiKey, Membership, Tenant, User
from tenants.rules import Role
from tenants.rules.keys import new_key
from tests.api.answers import KEY_TOKEN, V1, bearer, problem

MakeKey = Callable[..., tuple[ApiKey, str]]


@pytest.fixture
def make_key(acme: Tenant) -> MakeKey:
    """A key of acme and its text."""

    def make(
        role: Role = Role.VIEWER, scopes: tuple[str, ...] = ("read",), **values: Any
    ) -> tuple[ApiKey, str]:
        given: dict[str, Any] = {"tenant": acme, "name": "door", "by": None} | values
        key, text = create_key(role=role, scopes=scopes, **given)
        return key, str(text)

    return make


@pytest.fixture
def workers_key(acme: Tenant) -> tuple[ApiKey, str]:
    with installation():
        public = Tenant.objects.get(schema_name="public")
        key, text = create_key(
            tenant=public, name="w1", role=Role.WORKER, scopes=["worker"], worker="w1", by=None
        )
    return key, str(text)


@pytest.fixture
def reasons() -> Iterator[list[str]]:
    heard: list[str] = []

    def hear(reason: str, **event: Any) -> None:
        heard.append(reason)

    credential_refused.connect(hear)
    yield heard
    credential_refused.disconnect(hear)


def with_key(text: str, host: str = "acme.localhost") -> APIClient:
    return APIClient(SERVER_NAME=host, HTTP_AUTHORIZATION=f"Api-Key {text}")


def exchanged(text: str, host: str = "acme.localhost") -> APIClient:
    """A client with the token that the key was exchanged for."""
    answer = APIClient(SERVER_NAME=host).post(KEY_TOKEN, {"key": text})
    assert answer.status_code == 200, answer.content
    assert set(answer.json()) == {"access"}
    return bearer(host, answer.json()["access"])


WAYS = pytest.mark.parametrize("way", [with_key, exchanged], ids=["key", "token of a key"])

# role, scopes; then what answers: list cameras, add a site, change a site, add staff, list keys
RIGHTS = [
    (Role.VIEWER, ["read"], (200, 403, 403, 403, 403)),
    (Role.VIEWER, ["read", "write", "enrol"], (200, 403, 403, 403, 403)),
    (Role.VIEWER, ["write"], (403, 403, 403, 403, 403)),
    (Role.VIEWER, ["cameras.view_camera"], (200, 403, 403, 403, 403)),
    (Role.VIEWER, ["staff.view_staffmember"], (403, 403, 403, 403, 403)),
    (Role.SITE_MANAGER, ["read", "write"], (200, 403, 200, 403, 403)),
    (Role.TENANT_ADMIN, ["read"], (200, 403, 403, 403, 403)),
    (Role.TENANT_ADMIN, ["write"], (403, 201, 200, 201, 403)),
    (Role.TENANT_ADMIN, ["enrol"], (403, 403, 403, 201, 403)),
    (Role.TENANT_ADMIN, ["cameras.add_site"], (403, 201, 403, 403, 403)),
    (Role.TENANT_ADMIN, ["read", "write", "enrol"], (200, 201, 200, 201, 403)),
]


@WAYS
@pytest.mark.parametrize(("role", "scopes", "expected"), RIGHTS)
def test_a_key_may_what_role_and_scopes_both_allow(
    camera: Camera,
    make_key: MakeKey,
    way: Callable[..., APIClient],
    role: Role,
    scopes: list[str],
    expected: tuple[int, ...],
) -> None:
    sites = [camera.site_id] if role is Role.SITE_MANAGER else None
    client = way(make_key(role, scopes, sites=sites)[1])
    answers = [
        client.get(f"{V1}/cameras/"),
        client.post(f"{V1}/sites/", {"name": "New"}),
        client.patch(f"{V1}/sites/{camera.site_id}/", {"address": "1 High Street"}),
        client.post(f"{V1}/staff/", {"name": "Grace"}),
        client.get(f"{V1}/keys/"),
    ]
    assert tuple(answer.status_code for answer in answers) == expected


@WAYS
def test_what_a_key_writes_has_no_author(make_key: MakeKey, way: Callable[..., APIClient]) -> None:
    client = way(make_key(Role.TENANT_ADMIN, ("write",))[1])
    assert client.post(f"{V1}/staff/", {"name": "Grace"}).status_code == 201
    assert StaffMember.objects.get().created_by is None


def test_only_a_hash_is_kept(make_key: MakeKey) -> None:
    key, text = make_key()
    kept = str(ApiKey.objects.values().get())
    _, prefix, secret = text.split("_", 2)
    assert prefix == key.prefix
    assert len(secret) == 43
    assert secret not in kept
    assert secret not in repr(key)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"), "secret"),
        (lambda text: str(new_key()), "unknown"),
        (lambda text: text.upper(), "malformed"),
        (lambda text: text[3:], "malformed"),
        (lambda text: f"{text} {text}", "malformed"),
        (lambda text: text + "x" * 40, "malformed"),
        (lambda text: "é", "malformed"),
        (lambda text: "", "malformed"),
    ],
)
def test_what_is_no_key_is_refused_like_one_that_has_ended(
    acme: Tenant, make_key: MakeKey, reasons: list[str], spoil: Callable[[str], str], reason: str
) -> None:
    key, text = make_key()
    spoiled = with_key(spoil(text)).get(f"{V1}/sites/")
    assert ApiKey.objects.get().last_used_at is None
    revoke_key(key=key, tenant=acme, by=None)
    revoked = with_key(text).get(f"{V1}/sites/")
    problem(spoiled, 401)
    assert spoiled.content == revoked.content
    assert spoiled["WWW-Authenticate"] == 'Bearer realm="api", Api-Key realm="api"'
    assert reasons == [reason, "revoked"]


@WAYS
def test_a_key_of_another_customer_is_refused(
    acme: Tenant, other: Tenant, make_key: MakeKey, way: Callable[..., APIClient], reasons: list[str]
) -> None:
    text = make_key()[1]
    foreign = with_key(text, "other.localhost").get(f"{V1}/sites/")
    unknown = with_key(str(new_key()), "other.localhost").get(f"{V1}/sites/")
    problem(foreign, 401)
    assert foreign.content == unknown.content
    assert reasons == ["unknown", "unknown"]
    problem(APIClient(SERVER_NAME="other.localhost").post(KEY_TOKEN, {"key": text}), 401)
    problem(APIClient(SERVER_NAME="localhost").post(KEY_TOKEN, {"key": text}), 401)
    token = exchanged(text)
    problem(token.get(f"{V1}/sites/", SERVER_NAME="other.localhost"), 401)


@WAYS
@pytest.mark.parametrize("change", ["revoke", "expire", "maker left", "maker lowered", "maker deactivated"])
def test_a_key_stops_at_once_and_so_do_its_tokens(
    acme: Tenant,
    make_key: MakeKey,
    member_of: Callable[[Tenant, Role], User],
    way: Callable[..., APIClient],
    change: str,
) -> None:
    maker = member_of(acme, Role.TENANT_ADMIN)
    key, text = make_key(by=Access(acme, Role.TENANT_ADMIN, user=maker))
    client = way(text)
    assert client.get(f"{V1}/sites/").status_code == 200
    match change:
        case "revoke":
            assert revoke_key(key=key, tenant=acme, by=maker)
            assert not revoke_key(key=key, tenant=acme, by=maker)
        case "expire":
            ApiKey.objects.update(expires_at=timezone.now())
        case "maker left":
            Membership.objects.all().delete()
        case "maker lowered":
            Membership.objects.update(role=Role.VIEWER)
        case "maker deactivated":
            User.objects.update(is_active=False)
    problem(client.get(f"{V1}/sites/"), 401)
    problem(APIClient(SERVER_NAME="acme.localhost").post(KEY_TOKEN, {"key": text}), 401)


@WAYS
def test_after_a_rotation_both_keys_work_until_the_overlap_ends(
    acme: Tenant, make_key: MakeKey, way: Callable[..., APIClient]
) -> None:
    old, text = make_key(Role.TENANT_ADMIN, ("read", "write"))
    before = way(text)
    new, successor = rotate_key(key=old, tenant=acme, overlap_hours=2, by=None)
    assert (new.role, new.scopes, new.name) == (old.role, old.scopes, old.name)
    assert new.expires_at >= old.expires_at
    for client in (before, way(text), way(str(successor))):
        assert client.get(f"{V1}/sites/").status_code == 200
    old.refresh_from_db()
    assert old.replaced_by == new
    assert timedelta(hours=1, minutes=59) < old.expires_at - timezone.now() <= timedelta(hours=2)
    ApiKey.objects.filter(pk=old.pk).update(expires_at=timezone.now())
    problem(before.get(f"{V1}/sites/"), 401)
    problem(with_key(text).get(f"{V1}/sites/"), 401)
    assert with_key(str(successor)).get(f"{V1}/sites/").status_code == 200


def test_use_is_noted_once_a_minute(make_key: MakeKey) -> None:
    _, text = make_key()
    with_key(text).get(f"{V1}/sites/")
    first = ApiKey.objects.get().last_used_at
    assert first is not None
    with CaptureQueriesContext(connection) as asked:
        with_key(text).get(f"{V1}/sites/")
    assert not [query for query in asked if query["sql"].startswith("UPDATE")]
    assert len([query for query in asked if "tenants_apikey" in query["sql"]]) == 1
    ApiKey.objects.update(last_used_at=first - timedelta(minutes=1))
    with_key(text).get(f"{V1}/sites/")
    assert ApiKey.objects.get().last_used_at >= first  # type: ignore[operator]


def test_a_token_of_a_key_says_what_it_may(acme: Tenant, make_key: MakeKey, camera: Camera) -> None:
    key, text = make_key(Role.SITE_MANAGER, ("read",), sites=[camera.site_id])
    answer = APIClient(SERVER_NAME="acme.localhost").post(KEY_TOKEN, {"key": text})
    claims = jwt.decode(answer.json()["access"], options={"verify_signature": False})
    assert (claims["key"], claims["sub"]) == (str(key.pk), str(key.pk))
    assert (claims["role"], claims["scopes"], claims["sites"]) == (
        "site_manager",
        ["read"],
        [str(camera.site_id)],
    )
    assert (claims["tid"], claims["token_type"], claims["exp"] - claims["iat"]) == (
        str(acme.pk),
        "access",
        300,
    )


def test_a_worker_logs_in_at_the_public_host_and_nowhere_else(
    acme: Tenant, workers_key: tuple[ApiKey, str]
) -> None:
    _, text = workers_key
    answer = APIClient(SERVER_NAME="localhost").post(KEY_TOKEN, {"key": text})
    assert answer.status_code == 200
    claims = jwt.decode(answer.json()["access"], options={"verify_signature": False})
    with installation():
        public = Tenant.objects.get(schema_name="public")
    assert (claims["tid"], claims["role"], claims["scopes"]) == (str(public.pk), "worker", ["worker"])
    problem(APIClient(SERVER_NAME="acme.localhost").post(KEY_TOKEN, {"key": text}), 401)
    problem(bearer("acme.localhost", answer.json()["access"]).get(f"{V1}/sites/"), 401)
    problem(with_key(text).get(f"{V1}/sites/"), 401)


def test_a_key_needs_no_csrf_token_and_wins_over_a_session(
    acme: Tenant, make_key: MakeKey, member_of: Callable[[Tenant, Role], User]
) -> None:
    text = make_key(Role.TENANT_ADMIN, ("write",))[1]
    client = APIClient(SERVER_NAME="acme.localhost", enforce_csrf_checks=True)
    assert client.post(f"{V1}/sites/", {"name": "A"}, HTTP_AUTHORIZATION=f"Api-Key {text}").status_code == 201
    client.force_login(member_of(acme, Role.TENANT_ADMIN))
    problem(client.get(f"{V1}/sites/", HTTP_AUTHORIZATION=f"Api-Key {text}"), 403)  # it may only write
    problem(client.get(f"{V1}/sites/", HTTP_AUTHORIZATION="Api-Key ft_x"), 401)
    assert client.get(f"{V1}/sites/").status_code == 200


def test_a_key_opens_no_page(acme: Tenant, make_key: MakeKey) -> None:
    client = with_key(make_key(Role.TENANT_ADMIN, ("read", "write"))[1])
    for page in ("/", "/cameras/", "/keys/", "/admin/"):
        assert client.get(page)["Location"].startswith(("/login/", "/admin/login/"))


@pytest.mark.parametrize(
    "body", [{}, {"key": None}, {"key": ["x"]}, {"key": "x" * 101}, {"key": "a\x00"}, ["x"]]
)
def test_what_is_sent_for_an_exchange_is_checked(acme: Tenant, nobody: APIClient, body: Any) -> None:
    problem(nobody.post(KEY_TOKEN, body), 400)
