"""The cache: Redis, with the tenant in every key. It holds nothing that cannot be lost."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.core.cache.backends.redis import RedisCache
from django.db import connection
from redis.exceptions import RedisError

from tenants.isolation.context import Installation
from tenants.models import Tenant
from tenants.queries import TenantMissing, is_public

log = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")


def tenant_key(key: object, prefix: str, version: object) -> str:
    """`<tenant>:<prefix>:<version>:<key>`. Raises TenantMissing: no key is shared by all tenants."""
    return f"{_owner(key)}:{prefix}:{version}:{key}"


def _owner(key: object) -> str:
    """Raises TenantMissing."""
    tenant = cast(Any, connection).tenant
    if isinstance(tenant, Installation) or (isinstance(tenant, Tenant) and is_public(tenant)):
        return "installation"
    if isinstance(tenant, Tenant):
        return str(tenant.pk.hex)
    raise TenantMissing(f"the cache was asked for {key!r} where no tenant is active")


class TenantCache(RedisCache):
    """Django's Redis cache. While Redis is unavailable it acts as an empty cache and raises nothing."""

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return _or(default, lambda: super(TenantCache, self).get(key, default, version))

    def get_many(self, keys: Any, version: int | None = None) -> dict[Any, Any]:
        return _or({}, lambda: super(TenantCache, self).get_many(keys, version))

    def set(self, key: Any, value: Any, timeout: Any = ..., version: int | None = None) -> None:
        kept = {} if timeout is ... else {"timeout": timeout}
        _or(None, lambda: super(TenantCache, self).set(key, value, version=version, **kept))

    def add(self, key: Any, value: Any, timeout: Any = ..., version: int | None = None) -> bool:
        kept = {} if timeout is ... else {"timeout": timeout}
        return _or(True, lambda: super(TenantCache, self).add(key, value, version=version, **kept))

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        return _or(delta, lambda: super(TenantCache, self).incr(key, delta, version))

    def touch(self, key: Any, timeout: Any = ..., version: int | None = None) -> bool:
        kept = {} if timeout is ... else {"timeout": timeout}
        return _or(False, lambda: super(TenantCache, self).touch(key, version=version, **kept))

    def delete(self, key: Any, version: int | None = None) -> bool:
        return _or(False, lambda: super(TenantCache, self).delete(key, version))

    def has_key(self, key: Any, version: int | None = None) -> bool:
        return _or(False, lambda: super(TenantCache, self).has_key(key, version))

    def clear(self) -> bool:  # type: ignore[override]  # as Redis caches do, whatever the stubs say
        """Delete the active tenant's keys. Django's would delete all tenants' keys and Celery's queues."""
        own = f"{_owner('*')}:*"

        def forget() -> bool:
            client = self._cache.get_client(None, write=True)
            for key in client.scan_iter(own, count=1_000):
                client.delete(key)
            return True

        return _or(False, forget)


def _or(nothing: _Answer, ask: Callable[[], _Answer]) -> _Answer:
    try:
        return ask()
    except (RedisError, OSError) as error:
        log.warning("the cache is unavailable: %s", type(error).__name__)
        return nothing
