"""manage.py bench_request: what logging in, permissions and the tenant's activation cost a request."""

import json
import time
from argparse import ArgumentParser
from collections.abc import Callable
from secrets import token_hex
from statistics import median
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required, permission_required
from django.core.handlers.base import BaseHandler
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from facetrack.core.rolled_back import rolled_back
from tenants.access.rights import member_access
from tenants.actions import add_member
from tenants.credentials.actions import create_key, log_in
from tenants.isolation.context import inside, installation
from tenants.models import Tenant, User
from tenants.queries import customers, host_of
from tenants.rest.views import ApiView
from tenants.rules import Role

PERMISSION = "visits.view_visit"
NO_LIMIT = 10**9


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("nothing")


class Api(ApiView):
    """An answer of the API that took no work."""

    schema = None  # type: ignore[assignment]
    permission = PERMISSION

    def get(self, request: Request) -> Response:
        return Response({})


class OpenApi(Api):
    authentication_classes = []
    permission_classes = []
    throttle_classes = []


guarded = login_required(permission_required(PERMISSION, raise_exception=True)(page))
urlpatterns = [path("page/", guarded), path("api/v1/nothing/", Api.as_view())]


class Command(BaseCommand):
    help = "Measure what login, permission and tenant checks cost a request, in milliseconds, as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rounds", type=int, default=300, help="requests of each kind (default: 300)")

    def handle(self, *, rounds: int, **options: Any) -> None:
        with installation():
            tenant = next(iter(customers()), None)
            host = host_of(tenant) if tenant else ""
        if tenant is None or rounds < 1:
            raise CommandError(
                "this needs a tenant (manage.py create_tenant makes one) and at least one round"
            )
        free = {
            f"FACETRACK_RATE_{name}": NO_LIMIT for name in ("CALLER", "TENANT", "ANONYMOUS")
        }  # counted as always, refused never
        with override_settings(ROOT_URLCONF=__name__, **free), inside(tenant), rolled_back():
            figures = _measured(_requests(tenant, host), rounds)
        pool = _ms(_pool(rounds))
        told = {"cost_ms": _summed(figures, pool), "pool_median_ms": pool, "kinds": figures, "rounds": rounds}
        self.stdout.write(json.dumps(told, indent=1))


def _requests(tenant: Tenant, host: str) -> dict[str, Callable[[], HttpResponse]]:
    """Each way to ask: without any door, and through all of them."""
    handler, factory = BaseHandler(), RequestFactory()
    handler.load_middleware()
    session, token, key = _credentials(tenant)
    cookie = f"{settings.SESSION_COOKIE_NAME}={session}"

    def through(address: str, **headers: Any) -> Callable[[], HttpResponse]:
        def ask() -> HttpResponse:
            answer: Any = handler.get_response(factory.get(address, SERVER_NAME=host, **headers))
            if answer.status_code != 200:
                raise CommandError(f"{address} answered {answer.status_code}: {answer.content[:200]!r}")
            return answer  # type: ignore[no-any-return]

        return ask

    bare = OpenApi.as_view()
    return {
        "page alone": lambda: page(factory.get("/page/")),
        "page by session": through("/page/", HTTP_COOKIE=cookie),
        "api alone": lambda: bare(factory.get("/api/v1/nothing/")).render(),
        "api by session": through("/api/v1/nothing/", HTTP_COOKIE=cookie),
        "api by token": through("/api/v1/nothing/", HTTP_AUTHORIZATION=f"Bearer {token}"),
        "api by key": through("/api/v1/nothing/", HTTP_AUTHORIZATION=f"Api-Key {key}"),
    }


def _credentials(tenant: Tenant) -> tuple[str, str, str]:
    """A session, a token and a key of a user who is made for this, and never saved."""
    password = token_hex()
    user = add_member(
        tenant=tenant, email=f"{token_hex(8)}@bench.invalid", role=Role.VIEWER, password=password
    )
    client = Client()
    client.force_login(user)
    access = member_access(User.objects.get(pk=user.pk), tenant)
    if access is None:
        raise CommandError("the member made for this has no access")
    token = log_in(access=access, address=None)["access"]
    _, key = create_key(tenant=tenant, name="bench", role=Role.VIEWER, scopes=["read"], by=None)
    return client.cookies[settings.SESSION_COOKIE_NAME].value, token, str(key)


def _measured(requests: dict[str, Callable[[], HttpResponse]], rounds: int) -> dict[str, Any]:
    """All kinds by turns, so that whatever else the machine does falls on each of them alike."""
    times: dict[str, list[float]] = {name: [] for name in requests}
    work: dict[str, list[float]] = {name: [] for name in requests}
    trips = {}
    for name, ask in requests.items():
        ask()
        with CaptureQueriesContext(connection) as queries:
            ask()
        trips[name] = len(queries)
    for _ in range(rounds):
        for name, ask in requests.items():
            started, worked = time.perf_counter(), time.process_time()
            ask()
            times[name].append((time.perf_counter() - started) * 1e3)
            work[name].append((time.process_time() - worked) * 1e3)
    return {
        name: {
            "median_ms": _ms(times[name]),
            "cpu_median_ms": _ms(work[name]),  # of this process alone: the rest is waiting
            "database_round_trips": trips[name],
        }
        for name in requests
    }


def _pool(rounds: int) -> list[float]:
    """What each request pays besides: a connection is taken from the pool, looked at, and given back."""
    times = []
    another = connections.create_connection(DEFAULT_DB_ALIAS)
    for _ in range(rounds):
        started = time.perf_counter()
        another.ensure_connection()
        another.close()
        times.append((time.perf_counter() - started) * 1e3)
    return times


def _summed(figures: dict[str, Any], pool: float) -> dict[str, float]:
    """What the doors cost: with them, less the same without, and the connection."""
    return {
        name: round(figure["median_ms"] - figures[f"{name.split()[0]} alone"]["median_ms"] + pool, 2)
        for name, figure in figures.items()
        if not name.endswith("alone")
    }


def _ms(times: list[float]) -> float:
    return round(median(times), 3)
