"""Tokens: who gets one, where it counts and when it stops to."""

from collections.abc import Callable
from datetime import timedelta

import jwt
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from cameras.models import Camera, Site
from tenants.credentials import tokens
from tenants.isolation.context import installation
from tenants.models import Membership, Tenant, TokenFamily, User
from tenants.rules import Role
from tests.api.answers import LOGOUT, REFRESH, TOKEN, V1, bearer, problem, results
from tests.conftest import PASSWORD
from workers.tasks import clear_expired

Tokens = Callable[..., dict[str, str]]


def test_a_member_gets_a_pair_that_works(acme: Tenant, tokens_of: Tokens) -> None:
    pair = tokens_of(acme, Role.VIEWER)
    assert set(pair) == {"access", "refresh"}
    assert results(bearer("acme.localhost", pair["access"]).get(f"{V1}/visits/")) == []


def test_a_token_says_whose_it_is_and_is_signed_with_rs256(acme: Tenant, tokens_of: Tokens) -> None:
    access = tokens_of(acme, Role.SITE_MANAGER)["access"]
    assert jwt.get_unverified_header(access)["alg"] == "RS256"
    claims = jwt.decode(access, options={"verify_signature": False})
    assert (claims["tid"], claims["aud"]) == (str(acme.pk), str(acme.pk))
    assert (claims["iss"], claims["role"]) == ("localhost", "site_manager")
    assert claims["exp"] - claims["iat"] == 300
    family = TokenFamily.objects.get()
    assert (claims["fam"], claims["sub"]) == (str(family.pk), str(family.user_id))


def test_no_token_is_kept(acme: Tenant, tokens_of: Tokens, nobody: APIClient) -> None:
    pair = tokens_of(acme)
    fresh = nobody.post(REFRESH, {"refresh": pair["refresh"]}).json()
    kept = str(TokenFamily.objects.values().get())
    for token in (*pair.values(), *fresh.values()):
        assert token not in kept
        assert jwt.decode(token, options={"verify_signature": False})["jti"] not in kept


def test_a_token_counts_on_its_own_host_only(acme: Tenant, other: Tenant, tokens_of: Tokens) -> None:
    pair = tokens_of(acme)
    problem(bearer("other.localhost", pair["access"]).get(f"{V1}/visits/"), 401)
    problem(APIClient(SERVER_NAME="other.localhost").post(REFRESH, {"refresh": pair["refresh"]}), 401)
    problem(APIClient(SERVER_NAME="other.localhost").post(LOGOUT, {"refresh": pair["refresh"]}), 401)
    assert (
        APIClient(SERVER_NAME="acme.localhost").post(REFRESH, {"refresh": pair["refresh"]}).status_code == 200
    )


def test_a_stranger_is_told_no_more_than_with_a_wrong_password(
    acme: Tenant, member_of: Callable[[Tenant, Role], User], outsider: User, nobody: APIClient
) -> None:
    email = member_of(acme, Role.VIEWER).email
    tries = [(outsider.email, PASSWORD), (email, "wrong"), ("nobody@nowhere.test", PASSWORD)]
    answers = [nobody.post(TOKEN, {"email": e, "password": p}) for e, p in tries]
    assert len({answer.content for answer in answers}) == 1
    for answer in answers:
        problem(answer, 401)


def test_a_deactivated_account_gets_none(
    acme: Tenant, member_of: Callable[[Tenant, Role], User], nobody: APIClient
) -> None:
    user = member_of(acme, Role.VIEWER)
    user.is_active = False
    user.save()
    problem(nobody.post(TOKEN, {"email": user.email, "password": PASSWORD}), 401)


def test_who_is_no_member_any_more_is_out(acme: Tenant, tokens_of: Tokens, nobody: APIClient) -> None:
    pair = tokens_of(acme)
    Membership.objects.all().delete()
    problem(bearer("acme.localhost", pair["access"]).get(f"{V1}/visits/"), 401)
    problem(nobody.post(REFRESH, {"refresh": pair["refresh"]}), 401)


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": True}])
def test_who_may_not_log_in_any_more_is_out(
    acme: Tenant, tokens_of: Tokens, nobody: APIClient, change: dict[str, bool]
) -> None:
    """Staff run the installation and are members nowhere."""
    pair = tokens_of(acme)
    User.objects.update(**change)
    problem(bearer("acme.localhost", pair["access"]).get(f"{V1}/visits/"), 401)
    problem(nobody.post(REFRESH, {"refresh": pair["refresh"]}), 401)


@pytest.mark.parametrize("change", ["password", "second factor", "second factor required"])
def test_tokens_end_with_what_the_login_was_proved_with(
    acme: Tenant, tokens_of: Tokens, nobody: APIClient, change: str
) -> None:
    pair, user = tokens_of(acme), User.objects.get()
    match change:
        case "password":
            user.set_password("another horse entirely")
            user.save()
        case "second factor":
            User.objects.update(second_factor_at=timezone.now())
        case "second factor required":
            Tenant.objects.filter(pk=acme.pk).update(second_factor_required=True)
    problem(bearer("acme.localhost", pair["access"]).get(f"{V1}/visits/"), 401)
    problem(nobody.post(REFRESH, {"refresh": pair["refresh"]}), 401)


def test_a_token_of_a_site_manager_shows_their_sites_only(
    acme: Tenant, camera: Camera, tokens_of: Tokens
) -> None:
    elsewhere = Site.objects.create(name="Depot")
    access = tokens_of(acme, Role.SITE_MANAGER)["access"]
    for sites in ([camera.site_id], [elsewhere.pk], []):
        Membership.objects.update(sites=sites)
        found = results(bearer("acme.localhost", access).get(f"{V1}/sites/"))
        assert [row["id"] for row in found] == [str(site) for site in sites]


def test_a_refresh_token_becomes_a_new_pair(acme: Tenant, tokens_of: Tokens, nobody: APIClient) -> None:
    pair = tokens_of(acme)
    for _ in range(3):
        pair = nobody.post(REFRESH, {"refresh": pair["refresh"]}).json()
        assert results(bearer("acme.localhost", pair["access"]).get(f"{V1}/sites/")) == []
    assert TokenFamily.objects.count() == 1


def test_a_refresh_token_that_is_used_twice_ends_everything_that_came_of_it(
    acme: Tenant, tokens_of: Tokens, nobody: APIClient
) -> None:
    pair, elsewhere = tokens_of(acme), tokens_of(acme)
    fresh = nobody.post(REFRESH, {"refresh": pair["refresh"]}).json()
    refused = problem(nobody.post(REFRESH, {"refresh": pair["refresh"]}), 401)
    assert "twice" not in refused["detail"]
    problem(nobody.post(REFRESH, {"refresh": fresh["refresh"]}), 401)
    for access in (pair["access"], fresh["access"]):
        problem(bearer("acme.localhost", access).get(f"{V1}/sites/"), 401)
    assert TokenFamily.objects.exclude(revoked_at=None).get().reason == "reuse"
    assert nobody.post(REFRESH, {"refresh": elsewhere["refresh"]}).status_code == 200


def test_a_login_lasts_thirty_days_however_often_it_is_renewed(
    acme: Tenant, tokens_of: Tokens, nobody: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = tokens_of(acme)
    monkeypatch.setattr(tokens, "LOGIN_LASTS", timedelta(hours=2))
    fresh = nobody.post(REFRESH, {"refresh": pair["refresh"]}).json()
    claims = jwt.decode(fresh["refresh"], options={"verify_signature": False})
    assert claims["exp"] - claims["auth_time"] == 2 * 3600
    assert TokenFamily.objects.get().expires_at.timestamp() == claims["exp"]


def test_an_expired_family_is_over_and_forgotten(acme: Tenant, tokens_of: Tokens, nobody: APIClient) -> None:
    pair, other_pair = tokens_of(acme), tokens_of(acme)
    family = jwt.decode(pair["access"], options={"verify_signature": False})["fam"]
    TokenFamily.objects.filter(pk=family).update(expires_at=timezone.now())
    problem(bearer("acme.localhost", pair["access"]).get(f"{V1}/sites/"), 401)
    problem(nobody.post(REFRESH, {"refresh": pair["refresh"]}), 401)
    with installation():
        clear_expired()
        assert TokenFamily.objects.count() == 1
    assert nobody.post(REFRESH, {"refresh": other_pair["refresh"]}).status_code == 200


def test_a_token_costs_one_query_for_all_its_rights(acme: Tenant, tokens_of: Tokens) -> None:
    client = bearer("acme.localhost", tokens_of(acme)["access"])
    client.get(f"{V1}/sites/")
    with CaptureQueriesContext(connection) as asked:
        assert client.get(f"{V1}/sites/").status_code == 200
    rights = [query["sql"] for query in asked if "tenants_membership" in query["sql"]]
    assert len(rights) == 1
    assert not [
        query["sql"] for query in asked if "tenants_user" in query["sql"] and query["sql"] not in rights
    ]


def test_a_renewed_token_has_todays_role(acme: Tenant, tokens_of: Tokens, nobody: APIClient) -> None:
    pair = tokens_of(acme, Role.VIEWER)
    Membership.objects.update(role=Role.TENANT_ADMIN)
    access = nobody.post(REFRESH, {"refresh": pair["refresh"]}).json()["access"]
    assert jwt.decode(access, options={"verify_signature": False})["role"] == "tenant_admin"


def test_logging_out_ends_every_token_of_the_login(
    acme: Tenant, tokens_of: Tokens, nobody: APIClient
) -> None:
    pair, elsewhere = tokens_of(acme), tokens_of(acme)
    refresh = {"refresh": pair["refresh"]}
    answer = nobody.post(LOGOUT, refresh)
    assert (answer.status_code, answer.content) == (204, b"")
    problem(nobody.post(REFRESH, refresh), 401)
    problem(nobody.post(LOGOUT, refresh), 401)
    problem(bearer("acme.localhost", pair["access"]).get(f"{V1}/sites/"), 401)
    assert bearer("acme.localhost", elsewhere["access"]).get(f"{V1}/sites/").status_code == 200


@pytest.mark.parametrize("path", [REFRESH, LOGOUT])
@pytest.mark.parametrize("token", ["x", "a.b.c", "é" * 20])
def test_what_is_no_token_is_refused(acme: Tenant, nobody: APIClient, path: str, token: str) -> None:
    problem(nobody.post(path, {"refresh": token}), 401)


def test_an_access_token_does_not_refresh(acme: Tenant, tokens_of: Tokens, nobody: APIClient) -> None:
    problem(nobody.post(REFRESH, {"refresh": tokens_of(acme)["access"]}), 401)


def test_a_refresh_token_gives_no_access(acme: Tenant, tokens_of: Tokens) -> None:
    problem(bearer("acme.localhost", tokens_of(acme)["refresh"]).get(f"{V1}/sites/"), 401)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "email"),
        ({"email": "a@b.c"}, "password"),
        ({"email": ["a"], "password": "x"}, "email"),
        ({"email": "a\x00@b.c", "password": "x"}, "email"),
        ({"email": "a@b.c", "password": "x" * 129}, "password"),
        ({"email": "a" * 255, "password": "x"}, "email"),
        (["a"], "non_field_errors"),
    ],
)
def test_credentials_are_checked(acme: Tenant, nobody: APIClient, body: object, field: str) -> None:
    problem(nobody.post(TOKEN, body), 400, field=field)


def test_five_wrong_passwords_lock_that_account_for_a_quarter_of_an_hour(
    acme: Tenant, tokens_of: Tokens, nobody: APIClient
) -> None:
    tokens_of(acme, Role.VIEWER)
    wrong = {"email": "viewer@acme.test", "password": "wrong"}
    for _ in range(4):
        problem(nobody.post(TOKEN, wrong), 401)
    problem(nobody.post(TOKEN, wrong), 429)
    answer = nobody.post(TOKEN, wrong | {"email": " Viewer@acme.test", "password": PASSWORD})
    problem(answer, 429)
    assert 0 < int(answer["Retry-After"]) <= 900
    tokens_of(acme, Role.TENANT_ADMIN)


def test_the_public_host_has_tokens_for_workers_only(acme: Tenant) -> None:
    public = APIClient(SERVER_NAME="localhost")
    for path in (TOKEN, REFRESH, LOGOUT, f"{V1}/sites/"):
        problem(public.post(path, {}), 404)
