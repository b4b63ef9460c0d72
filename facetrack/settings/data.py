"""PostgreSQL, Redis, Milvus, pictures, and how much a customer may have."""

import os
from typing import Any

from environs import validate

from facetrack.settings.base import VAR_DIR, env

# A command that needs no services runs without URLs; port 1 refuses every connection.
DATABASES = {"default": env.dj_db_url("DATABASE_URL", "postgres://none:none@127.0.0.1:1/none")}
DATABASES["default"]["ENGINE"] = "tenants.isolation.backend"
# For migrations and new tenants only; a web server or worker should not have it.
DATABASE_OWNER: dict[str, Any] | None = (
    env.dj_db_url("DATABASE_OWNER_URL") if os.environ.get("DATABASE_OWNER_URL") else None
)
DB_POOL: int = env.int("FACETRACK_DB_POOL", 8)
FACETRACK_TURNS: int = env.int(
    "FACETRACK_TURNS",
    min(DB_POOL, max(4, 2 * (os.cpu_count() or 1))),
    validate=validate.Range(min=1, max=1000),
)
"""Requests that a web process handles at once; no more than it has connections."""
DB_MAX_PAUSE: float = env.float("FACETRACK_DB_LONGEST_PAUSE", 5.0)
"""Seconds between two statements of a transaction. Shorter than a lease: a worker that stops within a
transaction must not keep the others from its cameras."""
DB_LONGEST_STATEMENT: float = env.float(
    "FACETRACK_DB_LONGEST_STATEMENT", 10.0, validate=validate.Range(min=0, max=3600)
)
"""Seconds for one statement of a request, 0 for no limit. Commands, tasks and workers have none."""
if "DATABASE_URL" in os.environ:
    DATABASES["default"] |= {
        "CONN_MAX_AGE": 0,  # the pool keeps connections, not the threads
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"pool": {"min_size": 0, "max_size": DB_POOL, "timeout": 10}},
    }
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL: str = env.str("REDIS_URL", "redis://127.0.0.1:1/0")
MILVUS_URI: str = env.str("MILVUS_URI", "http://127.0.0.1:1")
CACHES = {
    "default": {
        "BACKEND": "tenants.isolation.cache.TenantCache",
        "LOCATION": REDIS_URL,
        "KEY_FUNCTION": "tenants.isolation.cache.tenant_key",
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 1},
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL]},
    }
}

# Pictures: a bucket (or folder) of originals and one of crops made from them; keys start with the tenant.
S3_ENDPOINT_URL: str = env.str("S3_ENDPOINT_URL", "")
FACETRACK_BUCKETS = ("faces-raw", "faces-derived")
FACETRACK_PICTURE_URL_SECONDS = 300


def _bucket(name: str) -> dict[str, object]:
    if not S3_ENDPOINT_URL:
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": VAR_DIR / "objects" / name, "file_permissions_mode": 0o600},
        }
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": name,
            "endpoint_url": S3_ENDPOINT_URL,
            "access_key": env.str("S3_ACCESS_KEY"),
            "secret_key": env.str("S3_SECRET_KEY"),
            "querystring_expire": FACETRACK_PICTURE_URL_SECONDS,
            "addressing_style": "path",
            "file_overwrite": False,
        },
    }


STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},  # files need a named storage
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    **{name: _bucket(name) for name in FACETRACK_BUCKETS},
}
FACETRACK_UPLOAD_MEGABYTES: int = env.int("FACETRACK_UPLOAD_MEGABYTES", 10)
FACETRACK_UPLOAD_MEGAPIXELS: int = env.int("FACETRACK_UPLOAD_MEGAPIXELS", 50)
# Pictures are decoded in child processes: a maximum number per process, each with limited processor time.
FACETRACK_DECODERS: int = env.int("FACETRACK_DECODERS", 2, validate=validate.Range(min=1, max=64))
FACETRACK_DECODE_SECONDS: int = env.int(
    "FACETRACK_DECODE_SECONDS", 8, validate=validate.Range(min=1, max=600)
)
DATA_UPLOAD_MAX_MEMORY_SIZE = FACETRACK_UPLOAD_MEGABYTES * 1_000_000
DATA_UPLOAD_MAX_NUMBER_FILES = 10
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500

# Limits of each customer; the operator sets other limits for one in the installation's admin.
_not_negative = validate.Range(min=0, max=2_000_000_000)
FACETRACK_MAX_CAMERAS: int = env.int("FACETRACK_MAX_CAMERAS", 100, validate=_not_negative)
FACETRACK_MAX_SITES: int = env.int("FACETRACK_MAX_SITES", 100, validate=_not_negative)
FACETRACK_MAX_STAFF: int = env.int("FACETRACK_MAX_STAFF", 10_000, validate=_not_negative)
FACETRACK_MAX_PICTURES: int = env.int("FACETRACK_MAX_PICTURES", 50_000, validate=_not_negative)
FACETRACK_MAX_MEMBERS: int = env.int("FACETRACK_MAX_MEMBERS", 500, validate=_not_negative)
FACETRACK_MAX_API_KEYS: int = env.int("FACETRACK_MAX_API_KEYS", 200, validate=_not_negative)
FACETRACK_MAX_STORAGE_MEGABYTES: int = env.int(
    "FACETRACK_MAX_STORAGE_MEGABYTES", 50_000, validate=_not_negative
)
