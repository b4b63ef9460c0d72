"""Keys, hosts, cookies, and how often and how long a client may ask."""

import os
from typing import Any

from environs import validate

from facetrack.core.crypto import jwt_keys, keys
from facetrack.settings.base import VAR_DIR, env

_three: dict[str, Any] = {"subcast": int, "validate": validate.Length(equal=3)}
DEBUG: bool = env.bool("FACETRACK_DEBUG", False)
SECRET_KEY: str = env.str("FACETRACK_SECRET_KEY", "") or keys.secret_key(VAR_DIR / "keys")
# The first key encrypts, all decrypt: put a new one in front to rotate.
FACETRACK_ENCRYPTION_KEYS: list[str] = env.list("FACETRACK_ENCRYPTION_KEYS", []) or [
    keys.encryption_key(VAR_DIR / "keys")
]
# The first key signs API tokens, all verify. Without any, keys are generated and kept in files.
JWT_PRIVATE_KEYS = jwt_keys.pems(env.str("FACETRACK_JWT_PRIVATE_KEY", ""), name="FACETRACK_JWT_PRIVATE_KEY")
JWT_KEY_FOLDER = VAR_DIR / "keys" / "jwt"
FACETRACK_KEYS_OF_ITS_OWN = [
    name for name in ("FACETRACK_SECRET_KEY", "FACETRACK_ENCRYPTION_KEYS") if not os.environ.get(name)
]
ALLOWED_HOSTS: list[str] = env.list(
    "FACETRACK_ALLOWED_HOSTS", ["localhost", ".localhost", "127.0.0.1", "[::1]"]
)
CSRF_TRUSTED_ORIGINS: list[str] = env.list("FACETRACK_TRUSTED_ORIGINS", [])
BEHIND_TLS: bool = env.bool("FACETRACK_BEHIND_TLS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
SESSION_ENGINE = "tenants.isolation.sessions"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True  # forms carry the token, no script reads the cookie
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
if BEHIND_TLS:  # browsers accept these names only from this very host, over TLS, for all paths
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
SECURE_SSL_REDIRECT = BEHIND_TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS else None
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = BEHIND_TLS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# Requests per minute: of a user or key; of all logged-in callers of a tenant; of an address without a
# login; of all such addresses at a tenant (except ways to log in); and of a worker at the edge, for
# which every search for an unknown face is a request.
FACETRACK_THROTTLE: bool = env.bool("FACETRACK_THROTTLE", True)
FACETRACK_RATE_CALLER: int = env.int("FACETRACK_RATE_CALLER", 600)
FACETRACK_RATE_TENANT: int = env.int("FACETRACK_RATE_TENANT", 3_000)
FACETRACK_RATE_ANONYMOUS: int = env.int("FACETRACK_RATE_ANONYMOUS", 60)
FACETRACK_RATE_STRANGERS: int = env.int("FACETRACK_RATE_STRANGERS", 6_000)
FACETRACK_RATE_WORKER: int = env.int("FACETRACK_RATE_WORKER", 12_000)

# Limits of the web server (`manage.py web`), per process: seconds for the headers of a request and for a
# small body, and between two requests of a connection; connections in total, and of one address, which
# is counted only without a proxy in front; WebSockets of one user and of one tenant.
FACETRACK_REQUEST_SECONDS: float = env.float(
    "FACETRACK_REQUEST_SECONDS", 20.0, validate=validate.Range(min=1)
)
FACETRACK_IDLE_SECONDS: float = env.float("FACETRACK_IDLE_SECONDS", 75.0, validate=validate.Range(min=1))
FACETRACK_CONNECTIONS: int = env.int("FACETRACK_CONNECTIONS", 1_000, validate=validate.Range(min=10))
FACETRACK_CONNECTIONS_ADDRESS: int = env.int(
    "FACETRACK_CONNECTIONS_ADDRESS", 100, validate=validate.Range(min=1)
)
FACETRACK_SOCKETS_USER: int = env.int("FACETRACK_SOCKETS_USER", 20, validate=validate.Range(min=1))
FACETRACK_SOCKETS_TENANT: int = env.int("FACETRACK_SOCKETS_TENANT", 300, validate=validate.Range(min=1))
# Concurrent requests: of a user or key, of a tenant, of a web process. `tenants.limits.slots` counts them.
FACETRACK_STREAMS: list[int] = env.list("FACETRACK_STREAMS", [16, 64, 200], **_three)
FACETRACK_WAITS: list[int] = env.list("FACETRACK_WAITS", [8, 24, 64], **_three)
