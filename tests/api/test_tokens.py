"""Tokens: who gets one, where it counts and when it stops to."""

from collections.abc import Callable

import jwt
import pytest
from rest_framework.test import APIClient
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from tenants.models import Membership, Tenant, User
from tenants.rules import Role
from tests.api.answers import LOGOUT, REFRESH, TOKEN, V1, bearer, problem, results
from tests.conftest import PASSWORD

Tokens = Callable[..., dict[str, str]]


def test_a_member_gets_a_pair_that_works(acme: Tenant, tokens_of: Tokens) -> None:
    pair = tokens_of(acme, Role.VIEWER)
    assert set(pair) == {"access", "refresh"}
    assert OutstandingToken.objects.count() == 1
    assert results(bearer("acme.localhost", pair["access"]).get(f"{V1}/visits/")) == []


def test_a_token_says_whose_it_is_and_is_signed_with_rs256(acme: Tenant, tokens_of: Tokens) -> None:
    access = tokens_of(acme, Role.SITE_MANAGER)["access"]
    assert jwt.get_unverified_header(access)["alg"] == "RS256"
    claims = jwt.decode(access, options={"verify_signature": False})
    assert (claims["tid"], claims["role"], claims["iss"]) == (str(acme.pk), "site_manager", "facetrack")


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


def test_a_refresh_token_works_once(acme: Tenant, tokens_of: Tokens, nobody: APIClient) -> None:
    pair = tokens_of(acme)
    fresh = nobody.post(REFRESH, {"refresh": pair["refresh"]}).json()
    assert results(bearer("acme.localhost", fresh["access"]).get(f"{V1}/sites/")) == []
    problem(nobody.post(REFRESH, {"refresh": pair["refresh"]}), 401)
    assert nobody.post(REFRESH, {"refresh": fresh["refresh"]}).status_code == 200


def test_a_renewed_token_has_todays_role(acme: Tenant, tokens_of: Tokens, nobody: APIClient) -> None:
    pair = tokens_of(acme, Role.VIEWER)
    Membership.objects.update(role=Role.TENANT_ADMIN)
    access = nobody.post(REFRESH, {"refresh": pair["refresh"]}).json()["access"]
    assert jwt.decode(access, options={"verify_signature": False})["role"] == "tenant_admin"


def test_logging_out_ends_the_refresh_token(acme: Tenant, tokens_of: Tokens, nobody: APIClient) -> None:
    refresh = {"refresh": tokens_of(acme)["refresh"]}
    answer = nobody.post(LOGOUT, refresh)
    assert (answer.status_code, answer.content) == (204, b"")
    problem(nobody.post(REFRESH, refresh), 401)
    problem(nobody.post(LOGOUT, refresh), 401)


@pytest.mark.parametrize("path", [REFRESH, LOGOUT])
@pytest.mark.parametrize("token", ["x", "a.b.c", "é" * 20])
def test_what_is_no_token_is_refused(acme: Tenant, nobody: APIClient, path: str, token: str) -> None:
    problem(nobody.post(path, {"refresh": token}), 401)


def test_an_access_token_does_not_refresh(acme: Tenant, tokens_of: Tokens, nobody: APIClient) -> None:
    problem(nobody.post(REFRESH, {"refresh": tokens_of(acme)["access"]}), 401)


def test_a_refresh_token_gives_no_access(acme: Tenant, tokens_of: Tokens) -> None:
    problem(bearer("acme.localhost", tokens_of(acme)["refresh"]).get(f"{V1}/sites/"), 401)


def test_a_token_signed_by_somebody_else_is_refused(acme: Tenant, tokens_of: Tokens) -> None:
    claims = jwt.decode(tokens_of(acme)["access"], options={"verify_signature": False})
    for forged in (jwt.encode(claims, "x" * 32, "HS256"), jwt.encode(claims, "", "none")):
        problem(bearer("acme.localhost", forged).get(f"{V1}/sites/"), 401)


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


def test_the_public_host_has_no_api(acme: Tenant) -> None:
    assert APIClient(SERVER_NAME="localhost").post(TOKEN, {}).status_code == 404
