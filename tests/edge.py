"""Workers at the edge: their keys, their clients on the public host, and a way there without a network."""

from io import BytesIO
from typing import Any

import requests
from django.db import connection
from django_tenants.utils import tenant_context
from requests.adapters import BaseAdapter
from rest_framework.test import APIClient

from tenants.context import installation
from tenants.credentials.actions import create_key
from tenants.models import ApiKey, Tenant
from tenants.rules import Role
from tests.api.answers import KEY_TOKEN

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


def key_of(name: str) -> tuple[ApiKey, str]:
    """A key of the worker, and its text."""
    with installation():
        public = Tenant.objects.get(schema_name="public")
        key, text = create_key(
            tenant=public, name=name, role=Role.WORKER, scopes=["worker"], worker=name, by=None
        )
    return key, str(text)


def token_of(key: str) -> str:
    """What a key is exchanged for."""
    answer = Visitor(SERVER_NAME=PUBLIC).post(KEY_TOKEN, {"key": key})
    assert answer.status_code == 200, answer.content
    return str(answer.json()["access"])


def worker_client(key: str) -> Visitor:
    """A client with the token of a worker's key."""
    return Visitor(SERVER_NAME=PUBLIC, HTTP_AUTHORIZATION=f"Bearer {token_of(key)}")
