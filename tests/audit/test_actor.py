"""Who acts: never somebody else, whatever became of the connection in between."""

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cameras.models import Camera
from staff.models import StaffMember
from tenants.access.actor import Actor, acting, current
from tenants.isolation.context import inside
from tenants.models import Activity, ActorKind, Tenant
from tenants.rules import Role
from workers.tasks import close_visits_of_tenant

Log = Callable[..., list[Activity]]
ADA, GRACE = (Actor(ActorKind.USER, name, f"{name}@acme.test") for name in ("ada", "grace"))

NO_CHANGE = "UPDATE staff_staffmember SET name = name WHERE false"


def told() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('app.actor', true)")
        return str(cursor.fetchone()[0])


def write(name: str = "x") -> None:
    StaffMember.objects.create(name=name)


def test_each_request_acts_as_its_own_user(
    acme: Tenant, client_of: Callable[..., Client], camera: Camera, log: Log
) -> None:
    start = log(acme)[-1].number
    manager, admin = client_of(acme, Role.SITE_MANAGER), client_of(acme)
    for client in (manager, admin, manager):
        for verb in ("start", "stop"):
            client.post(f"/cameras/{camera.pk}/{verb}/", headers={"X-Request-ID": f"request-{verb}"})
    write()
    lines = log(acme, number__gt=start, object_kind__in=["cameras.camera", "staff.staffmember"])
    who = [line.actor_label for line in lines]
    roles = ("site_manager", "site_manager", "tenant_admin", "tenant_admin", "site_manager", "site_manager")
    assert who[:6] == [f"{role}@acme.test" for role in roles]
    assert (lines[0].address, lines[0].request) == ("127.0.0.1", "request-start")
    assert (lines[6].actor_kind, lines[6].request, lines[6].address) == (ActorKind.COMMAND, "", "")


def test_a_request_id_that_is_none_is_replaced(acme: Tenant, client_of: Callable[..., Client]) -> None:
    client = client_of(acme)
    assert client.get("/", headers={"X-Request-ID": "well-formed-1"})["X-Request-ID"] == "well-formed-1"
    assert client.get("/", headers={"X-Request-ID": "a b\tc<script>"})["X-Request-ID"].isalnum()


def test_a_rollback_takes_the_name_back_and_the_next_write_tells_it_again(acme: Tenant, log: Log) -> None:
    with acting(ADA):
        write("before")
    with acting(GRACE):
        with transaction.atomic():
            write("rolled back")
            transaction.set_rollback(True)
        write("after")
    lines = log(acme, object_label__in=["before", "after"])
    assert [(line.object_label, line.actor_id) for line in lines] == [("before", "ada"), ("after", "grace")]


def test_a_whole_transaction_that_is_rolled_back_takes_the_name_back(acme: Tenant) -> None:
    """In a thread of its own, whose transactions are no savepoints of the test's."""
    found: list[str] = []

    def work() -> None:
        for actor in (ADA, GRACE):
            with inside(acme), acting(actor):
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute(NO_CHANGE)
                    transaction.set_rollback(True)
                with connection.cursor() as cursor:
                    cursor.execute(NO_CHANGE)
                found.append(told())

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert ["ada@" in found[0], "grace@" in found[1]] == [True, True]


def test_reading_tells_nothing_and_writing_tells_once(acme: Tenant) -> None:
    with acting(ADA):
        list(StaffMember.objects.all())
        assert "ada" not in told()
        with CaptureQueriesContext(connection) as queries:
            write()
            write()
        assert "ada@acme.test" in told()
    assert len(queries) == 2


def test_no_name_is_left_for_the_next_user_of_a_connection(acme: Tenant) -> None:
    """In a thread of its own, with a connection that goes back to the pool each time."""
    found: list[str] = []

    def work() -> None:
        for actor in (ADA, None, GRACE):
            with inside(acme):
                with connection.cursor() as cursor:
                    if actor is None:
                        cursor.execute(NO_CHANGE)
                    else:
                        with acting(actor):
                            cursor.execute(NO_CHANGE)
                found.append(told())

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert ["ada" in text for text in found] == [True, False, False]
    assert ["grace" in text for text in found] == [False, False, True]


def test_with_and_without_a_common_table_a_write_is_a_write(
    acme: Tenant, employee: StaffMember, log: Log
) -> None:
    with acting(ADA), connection.cursor() as cursor:
        cursor.execute("WITH x AS (SELECT 1) UPDATE staff_staffmember SET name = 'B' FROM x")
    assert log(acme)[-1].actor_id == "ada"


def test_a_task_is_its_workers(acme: Tenant, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.FACETRACK_WORKER = "w7"
    seen: list[Actor] = []
    monkeypatch.setattr("visits.actions.close_visits", lambda **_: seen.append(current()))
    close_visits_of_tenant()
    name = "w7: workers.tasks.close_visits_of_tenant"
    assert seen == [Actor(ActorKind.WORKER, "w7", name)]
    assert current().kind == ActorKind.COMMAND


def test_somebody_without_a_session_is_nobody(
    acme: Tenant, client_of: Callable[..., Client], log: Log
) -> None:
    client_of(acme, None).post("/login/", {"username": "a@b.test", "password": "wrong"})
    line = log(acme)[-1]
    assert (line.actor_kind, line.actor_id, line.address) == (ActorKind.ANONYMOUS, "", "127.0.0.1")
