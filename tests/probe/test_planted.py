"""The probe is able to fail: bugs are planted, and PostgreSQL refuses them or the probe finds them."""

import sys
import time
from collections.abc import Callable
from contextlib import closing
from types import ModuleType
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.decorators import login_required
from django.core.cache import cache, caches
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from django_tenants.utils import tenant_context
from redis import Redis
from unfold.views import ChangeList

from facetrack.core import objects
from staff.models import StaffMember
from tenants.accounts import invitations
from tenants.accounts.proofs import Proof
from tenants.changelists import OfferedAdmin
from tenants.isolation.context import installation
from tenants.models import Membership, Tenant
from tenants.web import channels
from tests.probe.attempts import Surface
from tests.probe.browser import Browser
from tests.probe.edge_redis import EdgeRedis
from tests.probe.entry import Entry
from tests.probe.inventory import patterns
from tests.probe.leases import Leases
from tests.probe.lookups import Lookups
from tests.probe.messages import Groups
from tests.probe.run import Probe, Report
from tests.probe.stores import Cache, Objects
from tests.probe.survey import Survey
from tests.probe.web import Web
from tests.probe.world import World
from workers.fleet.models import CameraLease, Worker
from workers.management.commands import edge_redis_acl
from workers.process.clients.edge_queue import redis_rights

View = Callable[[HttpRequest], HttpResponse]
FEW = 40
_seen: list[str] = []
_refused: list[str] = []


OF_THE_EDGE = (
    "leases/<uuid:camera>/brief/",
    "tenants/<uuid:tenant>/known/",
    "tenants/<uuid:tenant>/visitors/",
)


def names(request: HttpRequest) -> HttpResponse:
    """A view that is right."""
    return HttpResponse(", ".join(StaffMember.objects.values_list("name", flat=True)))


def reads_another_schema(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        try:
            cursor.execute("SELECT name FROM other.staff_staffmember")
        except Exception as error:
            _refused.append(str(error))
            raise
        return HttpResponse(str(cursor.fetchall()))


def forgets_its_filter(request: HttpRequest) -> HttpResponse:
    return HttpResponse(", ".join(Membership.objects.values_list("user__email", flat=True)))


def switches_wrongly(request: HttpRequest) -> HttpResponse:
    with tenant_context(_other()):
        return names(request)


def switches_wrongly_to_write(request: HttpRequest) -> HttpResponse:
    with tenant_context(_other()):
        StaffMember.objects.update(department="mine now")
    return HttpResponse("done")


def asks_the_installation(request: HttpRequest) -> HttpResponse:
    with installation():
        answer = HttpResponse("done")
        answer["X-Customers"] = ", ".join(Tenant.objects.values_list("name", flat=True))
        return answer


def remembers(request: HttpRequest) -> HttpResponse:
    """What no database can see: the process keeps what it told somebody else."""
    _seen.append(names(request).content.decode())
    return HttpResponse("\n".join(_seen[:3]))


def shares_a_cache(request: HttpRequest) -> HttpResponse:
    with closing(Redis.from_url(django_settings.REDIS_URL)) as redis:
        redis.setnx("names", names(request).content)
        return HttpResponse(redis.get("names"))


def caches_without_a_tenant(request: HttpRequest) -> HttpResponse:
    former = connection.tenant  # type: ignore[attr-defined]
    connection.set_schema("public")  # type: ignore[attr-defined]
    try:
        return HttpResponse(cache.get("names"))
    except Exception as error:
        _refused.append(str(error))
        raise
    finally:
        connection.set_tenant(former)  # type: ignore[attr-defined]


def _other() -> Tenant:
    with installation():
        return Tenant.objects.get(schema_name="other")  # type: ignore[no-any-return]


FOUND = (switches_wrongly, switches_wrongly_to_write, asks_the_installation, remembers, shares_a_cache)
HARMLESS = {
    names: "",
    reads_another_schema: "permission denied for schema other",
    forgets_its_filter: "",
    caches_without_a_tenant: "no tenant is active",
}
"""PostgreSQL or the cache refuses, with these words, or does not show what the view did not ask for."""


def test_views_with_bugs(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for view in FOUND:
        report = _probed(world, settings, monkeypatch, view)
        assert report.leaks > 0, f"{view.__name__} was not found"
        with pytest.raises(AssertionError, match="leaks"):
            report.require_clean()
    for view, words in HARMLESS.items():
        _refused.clear()
        _probed(world, settings, monkeypatch, view).require_clean()
        assert any(words in text for text in _refused) or not words, view.__name__


def test_fences_that_are_taken_down(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(caches["default"], "key_func", lambda key, *_: str(key))
        assert _run(world, Cache(world)).leaks > 0
    with monkeypatch.context() as patch:
        patch.setattr(objects, "_own", lambda tenant, key: key)
        assert _run(world, Objects(world)).leaks > 0
    with monkeypatch.context() as patch:
        patch.setattr(channels, "group_of", lambda tenant, site=None: "live")
        assert _run(world, Groups()).leaks > 0


def test_lists_that_take_any_column_are_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a viewer read the hash of a password: `?site__created_by__password__startswith=`."""

    def allows(admin: OfferedAdmin, lookup: str, value: str, request: HttpRequest) -> bool:
        names = [
            one if isinstance(one, str) else one[0] for one in admin.list_filter if not isinstance(one, type)
        ]
        return any(lookup == name or lookup.startswith(f"{name}__") for name in names)

    assert _run(world, Lookups()).leaks == 0
    monkeypatch.setattr(OfferedAdmin, "get_changelist", lambda admin, request, **settings: ChangeList)
    probe = Probe(world, seed=1, surfaces=[Lookups()])
    assert probe.run(10 * FEW, until_leak=True).leaks > 0  # own columns
    monkeypatch.setattr(OfferedAdmin, "lookup_allowed", allows)
    monkeypatch.setattr("tests.probe.run.MAX_FINDINGS", 1000)
    report = _run(world, Lookups(), 10 * FEW)
    assert any("site__" in finding for finding in report.findings)  # those of relations


def _probed(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch, view: View) -> Report:
    from facetrack import urls

    name = f"tests.planted_{view.__name__}"
    module = ModuleType(name)
    urlpatterns = [path("planted/", login_required(view)), *urls.urlpatterns]
    module.__dict__.update(vars(urls) | {"urlpatterns": urlpatterns})
    monkeypatch.setitem(sys.modules, name, module)
    settings.ROOT_URLCONF = name
    planted = [pattern for pattern in patterns(name) if pattern.template == "planted/"]
    return _run(world, Web("html", planted, Browser(), Survey()))


def _run(world: World, surface: Surface, attempts: int = FEW) -> Report:
    return Probe(world, seed=1, surfaces=[surface]).run(attempts)


def _found(world: World, surface: Surface) -> bool:
    """Whether one of a few runs finds it: which of all bodies and ids are tried is chance."""
    probes = (Probe(world, seed=seed, surfaces=[surface]) for seed in range(1, 6))
    return any(probe.run(10 * FEW, until_leak=True).leaks for probe in probes)


def test_a_worker_that_learns_of_cameras_that_are_not_its_own_is_found(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind each address of the edge that tells something, one after the other, nobody looks whose it is."""
    monkeypatch.setattr(
        "workers.api.edge_runs.watched_tenant", lambda worker, tenant, site=None: _tenant(tenant)
    )
    monkeypatch.setattr(
        "workers.api.edge_runs.held_lease", lambda worker, camera: CameraLease.objects.get(pk=camera)
    )
    browser, survey = Browser(), Survey()
    survey.read_schema(browser, world.worker, public=True)
    for ending in OF_THE_EDGE:
        found = [pattern for pattern in patterns() if pattern.route.endswith(ending)]
        probe = Probe(world, seed=1, surfaces=[Web("api", found, browser, survey)])
        assert probe.run(10 * FEW, until_leak=True).leaks, ending


def test_a_lease_that_has_ended_and_still_opens_something_is_found(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody asks when it ends, behind one address after the other."""

    def of_the_worker(worker: Worker, camera: Any) -> CameraLease:
        return get_object_or_404(CameraLease, worker=worker, pk=camera)

    def of_the_tenant(worker: Worker, tenant: Any, site: Any = None) -> Tenant:
        leases = CameraLease.objects.filter(worker=worker, tenant=tenant)
        if not leases:
            raise Http404
        return leases[0].tenant

    _run(world, Leases(world)).require_clean()
    with monkeypatch.context() as patch:
        patch.setattr("workers.api.edge_runs.held_lease", of_the_worker)
        assert _found(world, Leases(world)), "its login, and reports about it"
    with monkeypatch.context() as patch:
        patch.setattr("workers.api.edge_runs.watched_tenant", of_the_tenant)
        assert _found(world, Leases(world)), "the staff"


def test_rights_in_redis_that_are_too_many_are_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that the documents once gave; and one key, and one command, more than now."""
    _run(world, EdgeRedis(world)).require_clean()
    really = redis_rights
    for more in (
        ["+@all", "-@admin", "-@dangerous", "~worker.gate*", "%W~reply.*"],
        ["~worker.*"],
        ["+scan"],
        ["+eval"],
    ):

        def too_many(*args: Any, more: list[str] = more, **options: Any) -> list[str]:
            return [*really(*args, **options), *more]

        with monkeypatch.context() as patch:
            patch.setattr(edge_redis_acl, "redis_rights", too_many)
            probe = Probe(world, seed=1, surfaces=[EdgeRedis(world)])
            assert probe.run(FEW, until_leak=True).leaks, more


def _tenant(pk: Any) -> Tenant:
    found: Tenant = Tenant.objects.get(pk=pk)
    return found


def test_ways_in_that_are_open_are_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A switch that counts as a login, by its session or by its proof, and a link that sets any password."""
    ways = len(Entry().members())
    Probe(world, seed=1, surfaces=[Entry()]).run(ways).require_clean()
    plants: dict[str, Any] = {
        "tenants.pages.tenant_switch.carry": lambda request, user, proof: None,
        "tenants.pages.tenant_switch._proof": lambda claims: Proof(time.time()),
        "tenants.accounts.actions_invitations.account_of": _always_new,
        "tenants.pages.invitations.account_of": _always_new,
    }
    for names in (list(plants)[:1], list(plants)[1:2], list(plants)[2:]):
        with monkeypatch.context() as patch:
            for name in names:
                patch.setattr(name, plants[name])
            assert Probe(world, seed=1, surfaces=[Entry()]).run(ways).leaks > 0, names


def _always_new(email: str) -> Any:
    """As if nobody had an account yet."""
    return invitations.AccountState.NEW, invitations.account_of(email)[1]
