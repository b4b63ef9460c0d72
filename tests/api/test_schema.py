"""The API describes itself completely."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from tenants.models import Tenant
from tenants.rules import Role
from tests.api.answers import V1, problem
from tests.edge import PUBLIC, Visitor, key_of, worker_client


@pytest.fixture
def schema(acme: Tenant, api_of: Callable[..., APIClient]) -> dict[str, Any]:
    answer = api_of(acme, Role.VIEWER).get(f"{V1}/schema/?format=json")
    assert answer.status_code == 200
    return dict(json.loads(answer.content))


@pytest.fixture
def of_workers(acme: Tenant) -> dict[str, Any]:
    """What the public host tells a worker."""
    answer = worker_client(key_of("gate")[1]).get(f"{V1}/schema/?format=json")
    assert answer.status_code == 200
    return dict(json.loads(answer.content))


@pytest.mark.parametrize("host", ["facetrack.urls", "facetrack.urls_public"])
def test_it_is_valid_and_without_warnings(db: None, capsys: pytest.CaptureFixture[str], host: str) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, urlconf=host)
    assert yaml.safe_load(capsys.readouterr().out)["openapi"].startswith("3.")


@pytest.mark.parametrize("which", ["schema", "of_workers"])
def test_every_operation_names_its_problems(request: pytest.FixtureRequest, which: str) -> None:
    schema: dict[str, Any] = request.getfixturevalue(which)
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            answers = operation["responses"]
            expected = {"401", "429"}
            expected |= {"400", "413", "415"} if "requestBody" in operation else set()
            expected |= {"404"} if "{" in path else {"400"}
            assert expected <= set(answers), (method, path)
            for status, answer in answers.items():
                if status >= "400":
                    content = answer["content"]["application/problem+json"]
                    assert content["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_everything_is_there(schema: dict[str, Any]) -> None:
    found = {path.removeprefix(V1) for path in schema["paths"]}
    row = "{id}/"
    for kind in ("sites", "cameras", "staff", "visitors", "visits", "sightings", "merges", "merge-proposals"):
        assert {f"/{kind}/", f"/{kind}/{row}"} <= found
    assert {f"/cameras/{row}start/", f"/cameras/{row}stop/", f"/staff/{{staff_id}}/faces/{row}"} <= found
    assert {"/auth/token/", "/auth/token/refresh/", "/auth/logout/"} <= found
    assert {
        f"/merge-proposals/{row}accept/",
        f"/merge-proposals/{row}reject/",
        f"/merges/{row}undo/",
    } <= found
    assert set(schema["paths"][f"{V1}/visits/"]) == {"get"}


def test_the_password_is_write_only_and_faces_are_absent(schema: dict[str, Any]) -> None:
    parts = schema["components"]["schemas"]
    assert parts["Camera"]["properties"]["password"]["writeOnly"] is True
    for name in ("embedding", "template", "best_shot"):
        assert f'"{name}"' not in json.dumps(schema)


def test_lists_are_pages(schema: dict[str, Any]) -> None:
    names = {parameter["name"] for parameter in schema["paths"][f"{V1}/visits/"]["get"]["parameters"]}
    assert names == {
        "cursor",
        "page_size",
        "site",
        "camera",
        "person",
        "who",
        "present",
        "since",
        "until",
        "since_time",
        "until_time",
        "today",
        "from",
        "to",
        "search",
    }


def test_the_page_to_try_it_is_for_members(acme: Tenant, client_of: Callable[..., Client]) -> None:
    page = client_of(acme, Role.VIEWER).get(f"{V1}/docs/")
    assert page.status_code == 200
    assert page["Content-Type"].startswith("text/html")
    assert b"/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js" in page.content
    assert b"cdn" not in page.content
    stranger = client_of(acme, None).get(f"{V1}/docs/")
    assert stranger["Location"].startswith("/login/?next=/api/v1/docs/")


def test_the_schema_is_for_members(acme: Tenant, api_of: Callable[..., APIClient]) -> None:
    problem(api_of(acme, None).get(f"{V1}/schema/"), 401)
    problem(Visitor(SERVER_NAME=PUBLIC).get(f"{V1}/schema/"), 401)


def test_workers_have_a_schema_of_their_own(of_workers: dict[str, Any], schema: dict[str, Any]) -> None:
    paths = {path.removeprefix(V1) for path in of_workers["paths"]}
    own = "/workers/{worker}/"
    assert {own, f"{own}beat/", f"{own}sign-off/", f"{own}leases/", f"{own}leases/renew/"} < paths
    assert {path for path in paths if not path.startswith("/workers/")} == {"/auth/key-token/"}
    assert not [path for path in schema["paths"] if "leases" in path]
