"""Counts guesses at passwords and codes in PostgreSQL, so that they are counted without Redis too."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from django.db import connection
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac

from tenants.models import AttemptCount, Tenant

_SALT = "tenants.attempts"
_TABLE = "public.tenants_attemptcount"
_COUNT = f"""
    INSERT INTO {_TABLE} AS known (tenant_id, name, count, ends_at) VALUES (%(tenant)s, %(name)s, 1, %(ends)s)
    ON CONFLICT (tenant_id, name) DO UPDATE SET
        count = CASE WHEN known.ends_at <= %(now)s THEN 1 ELSE LEAST(known.count, 1000000000) + 1 END,
        ends_at = CASE WHEN known.ends_at <= %(now)s OR (%(extends)s AND known.count < %(limit)s)
            THEN %(ends)s ELSE known.ends_at END
    RETURNING count
"""  # noqa: S608  the table's name is ours


@dataclass(frozen=True, slots=True)
class Limit:
    """How many attempts there are in a period. It begins with the first of them, or, where the limit
    `extends`, with each that is within it; those beyond never make it longer."""

    attempts: int
    period: timedelta
    extends: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """Attempts at one thing in one tenant."""

    tenant: Tenant
    what: str
    limit: Limit

    @property
    def name(self) -> str:
        return salted_hmac(_SALT, self.what, algorithm="sha256").hexdigest()

    def count(self) -> int:
        """Count one more; how many it is of its period. Of attempts at once each gets its own number."""
        now = timezone.now()
        values = {
            "tenant": self.tenant.pk,
            "name": self.name,
            "now": now,
            "ends": now + self.limit.period,
            "limit": self.limit.attempts,
            "extends": self.limit.extends,
        }
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, values)
            return int(cast(tuple[int], cursor.fetchone())[0])

    def take_back(self) -> None:
        """Take one back that was not a guess."""
        self._live().filter(count__gt=0).update(count=F("count") - 1)

    def forget(self) -> None:
        AttemptCount.objects.filter(tenant=self.tenant, name=self.name).delete()

    def seconds_left(self) -> int:
        """Until when the limit is reached; 0 where it is not."""
        found = self._live().filter(count__gte=self.limit.attempts).first()
        return 0 if found is None else max(1, round((found.ends_at - timezone.now()).total_seconds()))

    def any(self) -> bool:
        """Whether one was counted in the present period."""
        return self._live().exists()

    def _live(self) -> QuerySet[AttemptCount]:
        return AttemptCount.objects.filter(tenant=self.tenant, name=self.name, ends_at__gt=timezone.now())


def forget_attempts(*, before: datetime) -> int:
    """Remove counts whose period ended before; how many there were. Inside `installation()`."""
    done, _ = AttemptCount.objects.filter(ends_at__lt=before).delete()
    return done
