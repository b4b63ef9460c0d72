"""Sessions of one tenant's host, or of the installation's: none is found on another host."""

from typing import Any, cast
from uuid import UUID

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from tenants.models import Session, Tenant
from tenants.queries import is_public


class SessionStore(DatabaseStore):
    """A session belongs to the tenant that is active when it is made.

    PostgreSQL hides other tenants' sessions from a tenant; the filter is for sockets and for the public
    host, whose role sees all of them.
    """

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        session = cast(Session, super().create_model_instance(data))
        session.tenant_id = active_id()
        return session

    def _get_session_from_db(self) -> Session | None:
        found = (
            own_sessions().filter(session_key=self.session_key or "", expire_date__gt=timezone.now()).first()
        )
        if found is None:
            self._session_key = None
        return found


def own_sessions() -> QuerySet[Session]:
    """The sessions of the active tenant, or of the installation."""
    return Session.objects.filter(tenant=active_id())


def active_id() -> UUID | None:
    tenant = cast(Any, connection).tenant
    return tenant.pk if isinstance(tenant, Tenant) and not is_public(tenant) else None
