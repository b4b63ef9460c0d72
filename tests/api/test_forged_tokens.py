"""Tokens that somebody made, bent or carried elsewhere. All are refused, and all alike."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.utils import timezone
from rest_framework.test import APIClient

from facetrack.core.crypto.jwt_keys import make_pem
from tenants.credentials.tokens import REQUIRED, ring
from tenants.events import credential_refused
from tenants.isolation.context import installation
from tenants.models import Membership, Tenant, TokenFamily, User
from tenants.rules import Role
from tests.api.answers import REFRESH, V1, bearer, problem, results

Tokens = Callable[..., dict[str, str]]
Said = list[dict[str, Any]]


@pytest.fixture
def refusals() -> Iterator[Said]:
    """What the record is told about refused credentials."""
    heard: Said = []

    def hear(**event: Any) -> None:
        heard.append(event)

    credential_refused.connect(hear)
    yield heard
    credential_refused.disconnect(hear)


def claims_of(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def signed(claims: dict[str, Any], **header: Any) -> str:
    """A token signed with the installation's own key: what a fault of ours could make, and nobody else."""
    key = ring().live()[0]
    return jwt.encode(claims, key.private, "RS256", headers={"kid": key.kid} | header)


def asked(token: str, host: str = "acme.localhost") -> Any:
    return bearer(host, token).get(f"{V1}/sites/")


def test_what_this_file_signs_would_count(acme: Tenant, tokens_of: Tokens) -> None:
    assert results(asked(signed(claims_of(tokens_of(acme)["access"])))) == []


@pytest.mark.parametrize("name", [*REQUIRED, "sites"])
def test_a_token_without_a_claim_is_refused(acme: Tenant, tokens_of: Tokens, name: str) -> None:
    claims = claims_of(tokens_of(acme)["access"])
    del claims[name]
    problem(asked(signed(claims)), 401)


NOW = int(timezone.now().timestamp())
BENT: list[tuple[str, Any, str]] = [
    ("iss", "somebody-else", "foreign"),
    ("aud", "{other}", "foreign"),
    ("aud", ["{acme}", "{other}"], "foreign"),
    ("aud", ["{acme}"], "foreign"),
    ("tid", "{other}", "foreign"),
    ("tid", 7, "foreign"),
    ("sub", "{stranger}", "revoked"),
    ("sub", "no uuid", "claims"),
    ("sub", 7, "claims"),
    ("fam", "{stranger}", "revoked"),
    ("fam", ["x"], "claims"),
    ("role", "owner", "claims"),
    ("role", ["viewer"], "claims"),
    ("sites", "all", "claims"),
    ("sites", [7], "claims"),
    ("key", "{stranger}", "claims"),
    ("token_type", "refresh", "claims"),
    ("token_type", None, "claims"),
    ("exp", NOW - 1, "expired"),
    ("exp", "soon", "malformed"),
    ("iat", NOW + 9_999, "claims"),
    ("nbf", NOW + 9_999, "claims"),
    ("auth_time", "once", "claims"),
]


@pytest.mark.parametrize(
    ("name", "value", "reason"), BENT, ids=[f"{name}-{at}" for at, (name, *_) in enumerate(BENT)]
)
def test_a_claim_that_does_not_fit_is_refused(
    acme: Tenant, other: Tenant, tokens_of: Tokens, refusals: Said, name: str, value: Any, reason: str
) -> None:
    places = {"acme": acme.pk, "other": other.pk, "stranger": uuid4()}

    def filled(bent: Any) -> Any:
        if isinstance(bent, list):
            return [filled(one) for one in bent]
        return bent.format(**places) if isinstance(bent, str) else bent

    claims = claims_of(tokens_of(acme)["access"])
    answer = asked(signed(claims | {name: filled(value)}))
    assert answer.content == asked("x").content
    problem(answer, 401)
    assert refusals[0]["tenant"] == acme
    assert (refusals[0]["kind"], refusals[0]["reason"]) == ("access", reason)


def test_claims_of_rights_never_widen_them(acme: Tenant, tokens_of: Tokens) -> None:
    claims = claims_of(tokens_of(acme, Role.VIEWER)["access"])
    bent = bearer("acme.localhost", signed(claims | {"role": "tenant_admin", "sites": None}))
    problem(bent.post(f"{V1}/sites/", {"name": "Mine"}), 403)


def test_a_role_that_was_lowered_counts_at_once(acme: Tenant, tokens_of: Tokens) -> None:
    client = bearer("acme.localhost", tokens_of(acme, Role.TENANT_ADMIN)["access"])
    assert client.post(f"{V1}/sites/", {"name": "First"}).status_code == 201
    Membership.objects.update(role=Role.VIEWER)
    problem(client.post(f"{V1}/sites/", {"name": "Second"}), 403)


def test_a_member_of_two_customers_has_tokens_of_each(acme: Tenant, other: Tenant, tokens_of: Tokens) -> None:
    """Also for the same user: the id in the token is right on both hosts."""
    token = tokens_of(acme)["access"]
    with installation():
        Membership.objects.create(tenant=other, user=User.objects.get(), role=Role.TENANT_ADMIN)
    assert asked(token).status_code == 200
    problem(asked(token, "other.localhost"), 401)
    moved = claims_of(token) | {"tid": str(other.pk), "aud": str(other.pk)}
    problem(asked(signed(moved), "other.localhost"), 401)  # its family is acme's


def test_only_rs256_with_a_key_of_the_ring_is_believed(
    acme: Tenant, tokens_of: Tokens, refusals: Said
) -> None:
    claims, key = claims_of(tokens_of(acme)["access"]), ring().live()[0]
    public = key.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    strange = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    named = {"kid": key.kid}
    own_jwk = {"jwk": key.jwk, "jku": "https://evil.example/jwks.json", "x5u": "https://evil.example/x"}
    forged = {
        "none": jwt.encode(claims, "", "none", headers=named),
        "none with a dot": jwt.encode(claims, "", "none", headers=named).rstrip(".") + ".AAAA",
        "the public key as a secret": _hmac(claims, public, key.kid),
        "a secret": jwt.encode(claims, "x" * 32, "HS256", headers=named),
        "another algorithm of the same key": jwt.encode(claims, key.private, "PS256", headers=named),
        "a longer hash": jwt.encode(claims, key.private, "RS512", headers=named),
        "another key under our name": jwt.encode(claims, strange, "RS256", headers=named),
        "another key that it brings": jwt.encode(claims, strange, "RS256", headers=named | own_jwk),
        "no name": jwt.encode(claims, key.private, "RS256"),
        "an unknown name": jwt.encode(claims, key.private, "RS256", headers={"kid": "x"}),
        "a path for a name": jwt.encode(claims, key.private, "RS256", headers={"kid": "../../etc/passwd"}),
        "a name with a null": jwt.encode(claims, key.private, "RS256", headers={"kid": f"{key.kid}\x00"}),
        "no name but ours in the claims": jwt.encode(claims | named, key.private, "RS256"),
    }
    answers = {what: asked(token) for what, token in forged.items()}
    for what, answer in answers.items():
        assert problem(answer, 401)["detail"], what
    assert len({answer.content for answer in answers.values()}) == 1
    assert len(refusals) == len(forged)
    assert {event["reason"] for event in refusals} <= {"kid", "signature", "malformed"}


def test_a_critical_header_that_we_do_not_know_is_refused(acme: Tenant, tokens_of: Tokens) -> None:
    claims = claims_of(tokens_of(acme)["access"])
    problem(asked(signed(claims, crit=["http://evil.example/"])), 401)


@pytest.mark.parametrize(
    "text", ["", "x", "a.b.c", "é" * 9, "a b", "." * 3, "x" * 9_000, "null", "e30.e30.e30"]
)
def test_what_is_no_token_is_refused(acme: Tenant, text: str, refusals: Said) -> None:
    client = APIClient(SERVER_NAME="acme.localhost")
    answer = client.get(f"{V1}/sites/", HTTP_AUTHORIZATION=f"Bearer {text}")
    assert "log in" in problem(answer, 401)["detail"].lower()
    assert answer["WWW-Authenticate"] == 'Bearer realm="api", Api-Key realm="api"'


def test_what_a_token_calls_itself_is_kept_short_and_printable(
    acme: Tenant, tokens_of: Tokens, refusals: Said
) -> None:
    asked(signed(claims_of(tokens_of(acme)["access"]), kid="\x1b[31m" + "k" * 500))
    assert refusals[0]["name"] == "[31m" + "k" * 59
    assert refusals[0]["address"] == "127.0.0.1"


def test_bent_refresh_tokens_are_refused_too(acme: Tenant, other: Tenant, tokens_of: Tokens) -> None:
    pair = tokens_of(acme)
    claims, host = claims_of(pair["refresh"]), APIClient(SERVER_NAME="acme.localhost")
    for bent in ({"tid": str(other.pk)}, {"aud": "x"}, {"fam": str(uuid4())}, {"exp": NOW - 1}):
        problem(host.post(REFRESH, {"refresh": signed(claims | bent)}), 401)
    assert TokenFamily.objects.get().revoked_at is None
    assert host.post(REFRESH, {"refresh": pair["refresh"]}).status_code == 200


def test_a_former_key_verifies_and_a_dropped_one_does_not(
    acme: Tenant, tokens_of: Tokens, settings: Any, client: Any
) -> None:
    first, second, third = make_pem(), make_pem(), make_pem()
    settings.JWT_PRIVATE_KEYS = [first]
    token = tokens_of(acme)["access"]
    settings.JWT_PRIVATE_KEYS = [second, first]
    assert asked(token).status_code == 200
    fresh = tokens_of(acme)["access"]
    live = APIClient(SERVER_NAME="localhost").get("/.well-known/jwks.json").json()["keys"]
    headers = [jwt.get_unverified_header(one)["kid"] for one in (fresh, token)]
    assert [key["kid"] for key in live] == headers
    settings.JWT_PRIVATE_KEYS = [third, second]
    problem(asked(token), 401)
    assert asked(fresh).status_code == 200


@pytest.mark.parametrize("host", ["acme.localhost", "other.localhost", "localhost"])
def test_anybody_can_check_a_token_with_the_published_keys(
    acme: Tenant, other: Tenant, tokens_of: Tokens, host: str
) -> None:
    token = tokens_of(acme)["access"]
    answer = APIClient(SERVER_NAME=host).get("/.well-known/jwks.json")
    assert answer["Content-Type"] == "application/jwk-set+json"
    assert "public" in answer["Cache-Control"]
    published = jwt.PyJWKSet.from_dict(answer.json())[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, published.key, ["RS256"], audience=str(acme.pk), issuer="localhost")
    assert claims["tid"] == str(acme.pk)
    assert set(answer.json()["keys"][0]) == {"kty", "n", "e", "kid", "use", "alg"}


def _hmac(claims: dict[str, Any], secret: bytes, kid: str) -> str:
    """PyJWT refuses to sign with a public key; whoever confuses algorithms does not use PyJWT."""
    import hashlib
    import hmac

    head, body = jwt.encode(claims, "x" * 32, "HS256", headers={"kid": kid}).split(".")[:2]
    mark = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{jwt.utils.base64url_encode(mark).decode()}"
