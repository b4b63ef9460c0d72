"""create_api_key and rotate_jwt_key: what they print, and what they refuse to."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django_tenants.utils import tenant_context
from rest_framework.test import APIClient

from cameras.models import Camera, Site
from facetrack.core.crypto.jwt_keys import make_pem
from tenants.credentials.tokens import ring
from tenants.isolation.context import installation
from tenants.models import ApiKey, Tenant
from tenants.rules.keys import MAX_DAYS
from tests.api.answers import KEY_TOKEN, V1


def run(command: str, **options: Any) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command(command, stdout=out, stderr=err, **options)
    return out.getvalue().strip(), err.getvalue()


def test_a_key_is_printed_once_and_works(acme: Tenant, camera: Camera) -> None:
    text, about = run(
        "create_api_key", tenant="acme", name="door", role="viewer", sites=[camera.site.name], days=7
    )
    client = APIClient(SERVER_NAME="acme.localhost", HTTP_AUTHORIZATION=f"Api-Key {text}")
    assert client.get(f"{V1}/sites/").status_code == 200
    key = ApiKey.objects.get()
    assert (key.tenant, key.role, key.scopes, key.sites) == (acme, "viewer", ["read"], [camera.site_id])
    assert key.created_by is None
    assert "shown only once" in about
    assert text not in about


def test_without_a_tenant_it_is_a_workers(acme: Tenant) -> None:
    text, about = run("create_api_key", worker="w1")
    assert "of Installation: worker, worker" in about
    assert APIClient(SERVER_NAME="localhost").post(KEY_TOKEN, {"key": text}).status_code == 200


def test_a_workers_key_is_rotated(acme: Tenant) -> None:
    old, _ = run("create_api_key", worker="w1", name="the old machine")
    new, _ = run("create_api_key", rotate=old.split("_")[1], overlap=0)
    public = APIClient(SERVER_NAME="localhost")
    assert public.post(KEY_TOKEN, {"key": old}).status_code == 401
    assert public.post(KEY_TOKEN, {"key": new}).status_code == 200
    with installation():
        assert set(ApiKey.objects.values_list("worker", "name")) == {("w1", "the old machine")}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tenant": "nobody", "name": "x", "role": "viewer"}, "no tenant 'nobody'"),
        ({"tenant": "acme", "role": "viewer"}, "--name"),
        ({"tenant": "acme", "name": "x"}, "belongs to the installation"),
        ({"worker": "x", "role": "viewer"}, "belongs to a customer"),
        ({"name": "x"}, "Only a worker's key names a worker"),
        ({"worker": "gate 1"}, "letters, digits, - and _"),
        ({"worker": "w1", "tenant": "acme"}, "omit --tenant"),
        ({"tenant": "acme", "name": "x", "role": "worker"}, "belongs to the installation"),
        ({"tenant": "acme", "name": "x", "role": "viewer", "scopes": ["all"]}, "is not a scope"),
        ({"tenant": "acme", "name": "x", "role": "viewer", "sites": ["Moon"]}, "no site 'Moon'"),
        ({"worker": "gate", "sites": ["Moon"]}, "no site 'Moon'"),
        ({"tenant": "acme", "name": "x", "role": "site_manager"}, "at least one"),
        ({"tenant": "acme", "name": "x", "role": "viewer", "days": MAX_DAYS + 1}, "from 1 to 730"),
        ({"tenant": "acme", "rotate": "ft_x"}, "no key that begins with ft_x"),
    ],
)
def test_what_cannot_be_is_refused_in_words(acme: Tenant, options: dict[str, Any], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run("create_api_key", **options)
    with installation():
        assert not ApiKey.objects.exists()


def test_a_workers_key_is_for_sites_of_whichever_customer(
    acme: Tenant, other: Tenant, camera: Camera
) -> None:
    with tenant_context(other):
        elsewhere = Site.objects.create(name="Elsewhere")
    run("create_api_key", worker="gate", sites=["Head office", "Elsewhere"])
    with installation():
        assert set(ApiKey.objects.get().sites or ()) == {camera.site_id, elsewhere.pk}
    with tenant_context(other):
        Site.objects.create(name="Head office")
    with pytest.raises(CommandError, match="several customers have a site 'Head office': use its id"):
        run("create_api_key", worker="yard", sites=["Head office"])


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.JWT_KEY_FOLDER = tmp_path / "jwt"
    return tmp_path / "jwt"


def test_rotating_says_what_signs_and_until_when_the_former_verifies(folder: Path) -> None:
    (first,) = (key.kid for key in ring().live())
    facts = json.loads(run("rotate_jwt_key", json=True)[0])
    assert [facts["signs"], facts["verifies"]] == [key.kid for key in ring().live()]
    assert facts["verifies"] == first
    assert facts["until"]
    with pytest.raises(CommandError, match=r"until .* UTC: rotate after that"):
        run("rotate_jwt_key")
    words, _ = run("rotate_jwt_key", now=True)
    assert f"{first} is gone." in words
    assert len(ring().live()) == 1


def test_keys_of_the_environment_are_not_touched(settings: Any, folder: Path) -> None:
    settings.JWT_PRIVATE_KEYS = [make_pem()]
    with pytest.raises(CommandError, match="in front of the value") as told:
        run("rotate_jwt_key")
    assert "BEGIN" not in str(told.value)
    assert "24 hours" in str(told.value)
    assert not folder.exists()
