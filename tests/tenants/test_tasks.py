"""Tasks carry their tenant, and refuse to be sent or run without one."""

from typing import Any, cast

import pytest
from celery import Task
from django.db import connection

from tenants.isolation.context import inside
from tenants.models import Tenant
from tenants.queries import TenantMissing
from tenants.tasks import InstallationTask, TenantTask
from tenants.web.channels import group_of
from workers import tasks
from workers.listeners import listen

OF_A_TENANT = [task for task in vars(tasks).values() if isinstance(task, TenantTask)]


def test_every_task_says_whose_it_is() -> None:
    kinds = [task for task in vars(tasks).values() if isinstance(task, Task)]
    assert len(kinds) > 8
    for task in kinds:
        assert isinstance(task, (TenantTask, InstallationTask)), f"{task.name} says not whose it is"


@pytest.mark.django_db
@pytest.mark.parametrize("task", OF_A_TENANT, ids=lambda task: task.name)
def test_it_refuses_outside_of_a_tenant(task: Any) -> None:
    for use in (task.apply_async, task):
        with pytest.raises(TenantMissing, match=task.name):
            use()


def test_being_inside_needs_a_customer(db: None) -> None:
    public = Tenant.objects.get(schema_name="public")
    for nobody in (None, "acme", public):
        with pytest.raises(TenantMissing), inside(cast(Any, nobody)):
            pass


def test_leaving_a_tenant_restores_the_former(acme: Tenant, other: Tenant) -> None:
    with pytest.raises(ZeroDivisionError), inside(other):
        _ = 1 / len(cast(Any, connection).schema_name.removeprefix("other"))
    assert cast(Any, connection).schema_name == "acme"


def test_a_group_belongs_to_a_tenant(acme: Tenant, other: Tenant) -> None:
    assert group_of(acme) != group_of(other)
    with pytest.raises(TypeError):
        group_of(cast(Any, None))


def test_listening_twice_hears_once() -> None:
    from cameras.events import camera_wanted

    before = len(camera_wanted.receivers)
    listen()
    assert len(camera_wanted.receivers) == before
