"""The API describes itself completely."""

import json
from collections.abc import Callable
from inspect import getdoc
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from rest_framework import serializers
from rest_framework.test import APIClient

from tenants.models import Tenant
from tenants.rest.serializers import StrictBody, StrictSerializer
from tenants.rest.views import ApiView, RowsViewSet
from tenants.rules import Role
from tests.api.answers import V1, problem
from tests.edge import PUBLIC, Visitor, key_of, worker_client
from visits.models import LiveEvent
from visits.queries import RESET


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
            expected |= {"413", "415"} if "requestBody" in operation else set()
            expected |= {"400", "404"} if "{" in path else {"400"}
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
    assert "password" in parts["CameraRequest"]["properties"]
    assert "password" not in parts["Camera"]["properties"]
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


def operations(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]


@pytest.mark.parametrize("which", ["schema", "of_workers"])
def test_every_operation_parameter_and_answer_is_described(
    request: pytest.FixtureRequest, which: str
) -> None:
    schema: dict[str, Any] = request.getfixturevalue(which)
    tags = {tag["name"] for tag in schema["tags"] if tag["description"]}
    for where, operation in operations(schema):
        assert operation["summary"], where
        assert len(operation["summary"]) <= 90, where
        assert operation["description"], where
        assert set(operation["tags"]) <= tags, where
        assert operation["operationId"].isidentifier(), where
        for parameter in operation.get("parameters", ()):
            assert parameter["description"], (where, parameter["name"])
            assert {"type", "$ref", "allOf"} & set(parameter["schema"]), (where, parameter["name"])
        for status, answer in operation["responses"].items():
            assert answer["description"], (where, status)
            if status in ("429", "503"):
                assert "Retry-After" in answer["headers"], (where, status)
    assert schema["servers"]


@pytest.mark.parametrize("which", ["schema", "of_workers"])
def test_every_component_and_property_is_described(request: pytest.FixtureRequest, which: str) -> None:
    schema: dict[str, Any] = request.getfixturevalue(which)
    for name, component in schema["components"]["schemas"].items():
        assert component["description"], name
        for field, value in component.get("properties", {}).items():
            assert value["description"], (name, field)


def test_nothing_is_told_to_those_who_write_the_code(schema: dict[str, Any]) -> None:
    """A class without a docstring has that of its base class, which is written for other readers."""
    bases = (ApiView, RowsViewSet, StrictBody, StrictSerializer, serializers.Serializer)
    texts = [getdoc(base) for base in bases]
    described = [operation["description"] for _, operation in operations(schema)]
    described += [part["description"] for part in schema["components"]["schemas"].values()]
    assert not [text for text in described if any(own and own.split("\n")[0] in text for own in texts)]


def test_each_kind_of_event_has_a_schema(schema: dict[str, Any]) -> None:
    parts = schema["components"]["schemas"]
    kinds = set(LiveEvent.Kind.values)
    assert set(parts["Event"]["discriminator"]["mapping"]) == kinds
    assert set(parts["StreamEvent"]["discriminator"]["mapping"]) == kinds | {RESET}


def test_what_is_only_asked_and_what_is_only_told_are_apart(schema: dict[str, Any]) -> None:
    for name, component in schema["components"]["schemas"].items():
        told = [field for field, value in component.get("properties", {}).items() if value.get("readOnly")]
        assert not (name.endswith("Request") and told), name
        asked = [field for field, value in component.get("properties", {}).items() if value.get("writeOnly")]
        assert name.endswith("Request") or not asked, name
    upload = schema["components"]["schemas"]["UploadRequest"]
    assert upload["properties"]["picture"]["format"] == "binary"


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
