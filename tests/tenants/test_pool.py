"""Where no connection to the database is free: through ASGI, with a connection of the request's own."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
from asgiref.sync import async_to_sync
from channels.testing import WebsocketCommunicator
from django.conf import LazySettings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from psycopg_pool import PoolTimeout
from rest_framework.request import Request
from rest_framework.response import Response

from facetrack import urls
from facetrack.asgi import application
from facetrack.core.waiting import give_back
from facetrack.urls import handler400, handler403, handler404, handler500
from tenants.isolation.backend.statements import AGAIN_SECONDS
from tenants.models import Tenant
from tenants.rest.views import ApiView
from tests.asgi import Asgi

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

_Found = TypeVar("_Found")


@contextmanager
def exhausted() -> Iterator[None]:
    """Other requests have all of the pool's connections."""
    pool: Any = connection.pool  # type: ignore[attr-defined]
    taken, patience = [], pool.timeout
    pool.timeout = 0.2
    try:
        while True:
            try:
                taken.append(pool.getconn())
            except PoolTimeout:
                break
        yield
    finally:
        pool.timeout = patience
        for one in taken:
            pool.putconn(one)


def starved() -> None:
    """As where a request waits for something slow and finds no connection afterwards."""
    give_back()
    with exhausted():
        Tenant.objects.exists()


def page(request: HttpRequest) -> HttpResponse:
    starved()
    return HttpResponse()


class Resource(ApiView):
    authentication_classes = permission_classes = ()

    def get(self, request: Request) -> Response:
        starved()
        return Response()


urlpatterns = [path("later/", page), path("api/v1/later/", Resource.as_view()), *urls.urlpatterns]


def apart(ask: Callable[[], _Found]) -> _Found:
    """In a thread, which has a connection of its own: the test's keeps its transaction."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(ask).result()


def said_once(caplog: pytest.LogCaptureFixture) -> str:
    """The one line of the log, which has no traceback."""
    (line,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert not line.exc_info
    assert "\n" not in line.getMessage()
    return line.getMessage()


@pytest.mark.parametrize("address", ["/visits/", "/later/", "/later/%0A"])
def test_a_page_says_when_to_come_again(
    acme: Tenant, settings: LazySettings, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    settings.ROOT_URLCONF = __name__
    if address == "/later/":
        answer = apart(lambda: Asgi().ask("GET", address))
    else:
        with exhausted():
            answer = apart(lambda: Asgi().ask("GET", address))
    assert (answer.status, answer.headers["retry-after"]) == (503, str(AGAIN_SECONDS))
    assert "The database is busy" in answer.text
    assert f"Wait for {AGAIN_SECONDS} seconds" in answer.text
    assert address.partition("%")[0] in said_once(caplog)


@pytest.mark.parametrize("address", ["/api/v1/visits/", "/api/v1/later/"])
def test_the_api_says_so_as_a_problem(
    acme: Tenant, settings: LazySettings, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    settings.ROOT_URLCONF = __name__
    if address == "/api/v1/later/":
        answer = apart(lambda: Asgi().ask("GET", address))
    else:
        with exhausted():
            answer = apart(lambda: Asgi().ask("GET", address))
    assert (answer.status, answer.headers["retry-after"]) == (503, str(AGAIN_SECONDS))
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["title"]) == (503, "Service Unavailable")
    assert f"Wait for {AGAIN_SECONDS} seconds" in problem["detail"]
    assert address in said_once(caplog)


def test_a_socket_is_refused_and_may_come_again(acme: Tenant, caplog: pytest.LogCaptureFixture) -> None:
    async def handshake() -> tuple[bool, int | None]:
        headers = [(b"host", b"acme.localhost"), (b"origin", b"http://acme.localhost")]
        accepted, code = await WebsocketCommunicator(application, "/ws/live/", headers).connect(timeout=20)
        return accepted, code

    with exhausted():
        assert apart(async_to_sync(handshake)) == (False, 1013)
    assert "websocket" in said_once(caplog)


def test_the_pool_serves_again(acme: Tenant) -> None:
    with exhausted():
        assert apart(lambda: Asgi().ask("GET", "/login/")).status == 503
    assert apart(lambda: Asgi().ask("GET", "/login/")).status == 200
