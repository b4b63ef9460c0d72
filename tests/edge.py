"""Workers at the edge: their keys, their clients on the public host, and a way there without a network."""

from base64 import b64encode
from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

import numpy as np
import requests
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone
from django_tenants.utils import tenant_context
from requests.adapters import BaseAdapter
from rest_framework.test import APIClient

from cameras.models import Camera
from facetrack.core.images import jpeg
from tenants.credentials.actions import create_key
from tenants.isolation.context import installation
from tenants.models import ApiKey, Tenant
from tenants.queries import active_tenant
from tenants.rules import Role
from tests.api.answers import KEY_TOKEN
from tests.chaos.people import template_of
from visits.track_codec import as_text
from workers.fleet.models import CameraLease, LeaseGrant, Worker

PUBLIC = "localhost"


class Visitor(APIClient):
    """Its requests, to whatever host, leave the test in the tenant that it was in."""

    def generic(self, *args: Any, **kwargs: Any) -> Any:
        with tenant_context(connection.tenant):  # type: ignore[attr-defined]
            return super().generic(*args, **kwargs)


class Wire(BaseAdapter):
    """Carries what `requests` sends into the application, within the test's own transaction."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.down = False

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        self.asked.append(f"{request.method} {request.path_url}")
        if self.down:
            raise requests.ConnectionError("nobody answers")
        headers = {"HTTP_AUTHORIZATION": value} if (value := request.headers.get("Authorization")) else {}
        kind = request.headers.get("Content-Type", "application/json")
        visitor = Visitor(SERVER_NAME=PUBLIC)
        answer = visitor.generic(request.method, request.path_url, request.body or b"", kind, **headers)
        response = requests.Response()
        response.status_code, response.request = answer.status_code, request
        response.headers["Content-Type"] = answer.headers.get("Content-Type", "")
        response.raw = BytesIO(answer.content)
        return response

    def close(self) -> None: ...


def wired() -> tuple[requests.Session, Wire]:
    session, wire = requests.Session(), Wire()
    session.mount("https://", wire)
    return session, wire


def key_of(name: str, *, sites: list[UUID] | None = None) -> tuple[ApiKey, str]:
    """A key of the worker, for all sites or for these, and its text."""
    with installation():
        public = Tenant.objects.get(schema_name="public")
        key, text = create_key(
            tenant=public,
            name=name,
            role=Role.WORKER,
            scopes=["worker"],
            sites=sites,
            worker=name,
            by=None,
        )
    return key, str(text)


def held_by(name: str, camera: Camera, *, epoch: int = 2) -> None:
    """The camera of the active tenant is run by the worker, as if it had just been given it."""
    tenant, label = active_tenant(), str(camera)
    with installation():
        worker = Worker.objects.get(name=name)
        facts = {"tenant": tenant, "site_id": camera.site_id, "label": label, "desired": True}
        lease = {
            "worker": worker,
            "planned": worker,
            "epoch": epoch,
            "expires_at": Now() + timedelta(hours=1),
        }
        CameraLease.objects.update_or_create(pk=camera.pk, defaults=facts | lease)
        LeaseGrant.objects.create(
            tenant=tenant, camera_id=camera.pk, epoch=epoch, worker=name, granted_at=timezone.now()
        )
    Camera.objects.filter(pk=camera.pk).update(enabled=True, epoch=epoch, worker=name)


def a_record(epoch: int = 2, **values: Any) -> dict[str, Any]:
    """What a worker says of a track of somebody new."""
    now = timezone.now()
    said = {
        "epoch": epoch,
        "track": 1,
        "sequence": 0,
        "ended": True,
        "decision": "new_visitor",
        "person": None,
        "score": 0.1,
        "reason": "made by a test",
        "started_at": (now - timedelta(seconds=3)).isoformat(),
        "last_seen_at": now.isoformat(),
        "faces": 9,
        "quality": 0.7,
        "pack": "edgeface-xs",
        "template": as_text(template_of(1)),
        "picture": b64encode(jpeg(np.full((40, 30, 3), 90, dtype=np.uint8))).decode(),
        "known_at": None,
    }
    return said | values


def token_of(key: str) -> str:
    """What a key is exchanged for."""
    answer = Visitor(SERVER_NAME=PUBLIC).post(KEY_TOKEN, {"key": key})
    assert answer.status_code == 200, answer.content
    return str(answer.json()["access"])


def worker_client(key: str) -> Visitor:
    """A client with the token of a worker's key."""
    return Visitor(SERVER_NAME=PUBLIC, HTTP_AUTHORIZATION=f"Bearer {token_of(key)}")
