"""The addresses of this installation's own services, which must not be used as cameras."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings

DEFAULT_PORTS = {"http": 80, "https": 443, "redis": 6379, "rediss": 6379}
ALL_PORTS = 0


def internal_endpoints() -> frozenset[tuple[str, int]]:
    """Host (a name or an address, as in the settings) and port of each; the public host with all ports.

    Loopback of the public host is left to the rule about loopback: a demonstration runs cameras there.
    """
    return frozenset(_services())


def _services() -> Iterator[tuple[str, int]]:
    for database in (*settings.DATABASES.values(), settings.DATABASE_OWNER or {}):
        host = str(database.get("HOST") or "")
        if host and not host.startswith("/"):  # a camera cannot reach a socket in the file system
            yield host.lower(), int(database.get("PORT") or 5432)
    for url in (settings.REDIS_URL, settings.MILVUS_URI, settings.S3_ENDPOINT_URL):
        parts = urlsplit(url)
        if parts.hostname:
            yield parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme, 19530)
    if settings.FACETRACK_PUBLIC_HOST not in ("localhost", "127.0.0.1"):
        yield settings.FACETRACK_PUBLIC_HOST.lower(), ALL_PORTS
