"""Celery's side of tenants: the header is required, nothing runs in `public` by mistake."""

from typing import Any, cast

from django.db import connection
from django_tenants.utils import get_public_schema_name
from tenant_schemas_celery.task import TenantTask as SchemaTask

from tenants.actor import acting, of_worker
from tenants.context import inside
from tenants.queries import TenantMissing, customers


class TenantTask(SchemaTask):  # type: ignore[misc]
    """A task of one tenant: refused, at sending and at running, where none is active."""

    abstract = True

    def apply_async(self, *args: Any, **kwargs: Any) -> Any:
        self._require_tenant("sent")
        return super().apply_async(*args, **kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._require_tenant("run")
        with acting(of_worker(self.name)):
            return super().__call__(*args, **kwargs)

    def _require_tenant(self, verb: str) -> None:
        if cast(Any, connection).schema_name == get_public_schema_name():
            raise TenantMissing(f"the task {self.name} was {verb} outside of a tenant")


class InstallationTask(SchemaTask):  # type: ignore[misc]
    """A task of the installation as a whole, such as a beat that fans out over tenants."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with acting(of_worker(self.name)):
            return super().__call__(*args, **kwargs)


def fan_out(task: TenantTask, *, expires: float) -> int:
    """Send `task` once for each customer; returns how many."""
    tenants = customers()
    for tenant in tenants:
        with inside(tenant):
            task.apply_async(expires=expires)
    return len(tenants)
