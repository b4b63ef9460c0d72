"""Celery tasks of tenants: the tenant's header is required, so that nothing runs in `public` by mistake."""

from typing import Any, cast
from uuid import UUID

from django.db import connection
from django_tenants.utils import get_public_schema_name
from tenant_schemas_celery.task import TenantTask as SchemaTask

from tenants.access.actor import acting, of_worker
from tenants.isolation.backend.base import DatabaseWrapper
from tenants.isolation.context import inside
from tenants.models import Tenant
from tenants.queries import TenantMissing, customers


class TenantTask(SchemaTask):  # type: ignore[misc]
    """A task of one tenant: refused, at sending and at running, where none is active."""

    abstract = True

    @classmethod
    def get_tenant_for_schema(cls, schema_name: str) -> Tenant:
        """Where there is no database, what the header says of the tenant is all that is known of it."""
        if DatabaseWrapper.shut:
            return Tenant(id=UUID(int=0), schema_name=schema_name, name=schema_name)
        found: Tenant = super().get_tenant_for_schema(schema_name)
        return found

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
