"""A client that a generator makes of the schema, unedited, does what the API is for on the real server."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest

from tests.hostile_pictures import saved
from tests.web.conftest import HOSTS, PASSWORD, Web

NAME = "facetrack_client"
PICTURES = ("image/jpeg", "multipart/x-mixed-replace")
CONFIG = {"content_type_overrides": dict.fromkeys(PICTURES, "application/octet-stream")}
"""Media types that the generator does not know by itself; it reads them as bytes."""


@pytest.fixture
def generated(tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The package that openapi-python-client, one of the checks, has just made; its warnings are errors."""
    schema = tmp_path / "schema.json"
    answer = web.sign_in("viewer").ask("GET", "/api/v1/schema/?format=json")
    assert answer.status_code == 200, answer.text
    schema.write_text(json.dumps(answer.json()))
    config = tmp_path / "config.json"
    config.write_text(json.dumps(CONFIG))
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", str(schema)]
    command += ["--output-path", str(tmp_path / NAME), "--meta", "none", "--fail-on-warning"]
    command += ["--config", str(config)]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # it formats with ruff
    made = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"PATH": path}
    )
    assert made.returncode == 0, made.stdout + made.stderr
    monkeypatch.syspath_prepend(str(tmp_path))
    yield NAME
    for module in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[module]


def test_it_signs_in_creates_uploads_pages_and_deletes(web: Web, generated: str) -> None:
    package, models, types = (import_module(f"{generated}{part}") for part in ("", ".models", ".types"))

    def operation(tag: str, name: str) -> ModuleType:
        return import_module(f"{generated}.api.{tag}.{name}")

    def done(tag: str, name: str, status: int, **given: Any) -> Any:
        answer = operation(tag, name).sync_detailed(client=client, **given)
        assert answer.status_code == status, answer.content
        return answer.parsed

    address = {
        "base_url": f"http://127.0.0.1:{web.ports[0]}",
        "headers": {"Host": HOSTS["acme"]},
        "httpx_args": {"trust_env": False},  # a proxy does not know this machine's loopback
    }
    client = package.Client(**address)
    login = models.LoginRequest(email="tenant_admin@acme.test", password=PASSWORD)
    pair = done("auth", "auth_token_create", 200, body=login)
    client = package.AuthenticatedClient(token=pair.access, **address)

    made = [
        done("sites", "sites_create", 201, body=models.SiteRequest(name=f"Typed {n}", time_zone="UTC"))
        for n in range(3)
    ]
    assert all(isinstance(site.id, UUID) for site in made)
    seen, cursor = [], types.UNSET
    while True:
        page = done("sites", "sites_list", 200, page_size=2, search="Typed", cursor=cursor)
        seen += [site.name for site in page.results]
        if page.next_ is None:
            break
        cursor = page.next_.partition("cursor=")[2].partition("&")[0].replace("%3D", "=")
    assert seen == ["Typed 2", "Typed 1", "Typed 0"]

    person = done("staff", "staff_create", 201, body=models.StaffMemberRequest(name="Ada Lovelace"))
    picture = types.File(payload=BytesIO(saved("JPEG")), file_name="ada.jpg", mime_type="image/jpeg")
    body = models.UploadRequest(picture=picture)
    face = done("staff", "staff_faces_create", 201, staff_id=person.id, body=body)
    assert face.status in ("pending", "ready", "refused")

    events = done("events", "events_list", 200)
    assert events.after
    refused = done("sites", "sites_create", 409, body=models.SiteRequest(name="Typed 0"))
    assert [(fault.pointer, fault.code) for fault in refused.faults] == [("/name", "unique")]
    done("staff", "staff_destroy", 204, id=person.id, x_reason="left")
    for site in made:
        done("sites", "sites_destroy", 204, id=site.id, x_reason="closed")
    assert done("sites", "sites_list", 200, search="Typed").results == []
