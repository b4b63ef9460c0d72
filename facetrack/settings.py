"""FaceTrack's settings, read top to bottom. Every value comes from the environment or has a safe default.

An invalid value stops the start and names its variable (environs). `docs/settings.md` lists the variables.
Backing services are URLs; `manage.py` starts embedded ones for those not given.
"""

import os
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

import django_stubs_ext
from celery.schedules import schedule
from django.core.exceptions import ImproperlyConfigured
from environs import Env, validate

from facetrack.core import jwt_keys, keys

django_stubs_ext.monkeypatch()  # before any model or form names its type arguments
env = Env()
BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR: Path = env.path("FACETRACK_VAR_DIR", BASE_DIR / "var")
_three: dict[str, Any] = {"subcast": int, "validate": validate.Length(equal=3)}

# --- Security -------------------------------------------------------------------------------------
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
ALLOWED_HOSTS: list[str] = env.list("FACETRACK_ALLOWED_HOSTS", ["localhost", ".localhost", "127.0.0.1"])
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

# --- Tenants: which tables live where ----------------------------------------------------------------
SHARED_APPS = [
    "facetrack",
    "unfold",  # before django_tenants, whose admin templates it replaces
    "unfold.contrib.filters",
    "tenants",  # before django_tenants: the command create_tenant is ours
    "django_tenants",
    "workers",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.messages",
    "django.contrib.admin",
    "daphne",  # before staticfiles: its runserver supports WebSockets
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "channels",
    "django_htmx",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
]
TENANT_APPS = ["django.contrib.admin", "cameras", "staff", "visits"]
INSTALLED_APPS = [*SHARED_APPS, *(app for app in TENANT_APPS if app not in SHARED_APPS)]
TENANT_MODEL = "tenants.Tenant"
TENANT_DOMAIN_MODEL = "tenants.Domain"
TENANT_LIMIT_SET_CALLS = True  # one SET search_path for each activation, not for each query
PUBLIC_SCHEMA_URLCONF = "facetrack.urls_public"
FACETRACK_PUBLIC_HOST: str = env.str("FACETRACK_PUBLIC_HOST", "localhost")
# Port in links to our hosts. 0: 443 behind TLS, else the port on which this server listens.
FACETRACK_PUBLIC_PORT: int = env.int("FACETRACK_PUBLIC_PORT", 0, validate=validate.Range(min=0, max=65_535))

# --- Web ----------------------------------------------------------------------------------------------
ROOT_URLCONF = "facetrack.urls"
ASGI_APPLICATION = "facetrack.asgi.application"
MIDDLEWARE = [
    "tenants.web.headers.HeadersMiddleware",  # these two first, so that no answer is without their headers
    "django.middleware.security.SecurityMiddleware",
    "tenants.web.middleware.TenantMiddleware",
    "tenants.audit.middleware.ActivityMiddleware",  # outside of sessions, whose writes are the user's, too
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tenants.web.middleware.BodyLimitMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tenants.web.middleware.SessionLimitMiddleware",
    "tenants.web.middleware.MembershipMiddleware",
    "tenants.web.throttling.ThrottleMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "tenants.web.middleware.SecondFactorMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "tenants.accounts.lockout.LockoutMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns at every start while it is missing
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # serves without collectstatic, so that a fresh clone has its styles
WHITENOISE_AUTOREFRESH = DEBUG

# --- Data ---------------------------------------------------------------------------------------------
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
DB_LONGEST_PAUSE: float = env.float("FACETRACK_DB_LONGEST_PAUSE", 5.0)
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
_at_least_none = validate.Range(min=0, max=2_000_000_000)
FACETRACK_MAX_CAMERAS: int = env.int("FACETRACK_MAX_CAMERAS", 100, validate=_at_least_none)
FACETRACK_MAX_SITES: int = env.int("FACETRACK_MAX_SITES", 100, validate=_at_least_none)
FACETRACK_MAX_STAFF: int = env.int("FACETRACK_MAX_STAFF", 10_000, validate=_at_least_none)
FACETRACK_MAX_PICTURES: int = env.int("FACETRACK_MAX_PICTURES", 50_000, validate=_at_least_none)
FACETRACK_MAX_MEMBERS: int = env.int("FACETRACK_MAX_MEMBERS", 500, validate=_at_least_none)
FACETRACK_MAX_API_KEYS: int = env.int("FACETRACK_MAX_API_KEYS", 200, validate=_at_least_none)
FACETRACK_MAX_STORAGE_MEGABYTES: int = env.int(
    "FACETRACK_MAX_STORAGE_MEGABYTES", 50_000, validate=_at_least_none
)

# --- Users --------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # first: refuses locked-out users, whatever the password
    "tenants.auth.MembershipBackend",
]
PASSWORD_HASHERS = ["tenants.accounts.hashers.PatientPBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in {
        "UserAttributeSimilarityValidator": {"user_attributes": ("email", "name")},
        "MinimumLengthValidator": {"min_length": 12},
        "CommonPasswordValidator": {},
        "NumericPasswordValidator": {},
    }.items()
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600  # also of an invitation
FACETRACK_RESET_SECONDS = 3600
# Per tenant: invitations without an answer, and mails about invitations per hour.
FACETRACK_MAX_INVITATIONS: int = env.int("FACETRACK_MAX_INVITATIONS", 100, validate=validate.Range(min=1))
FACETRACK_INVITATION_MAILS: int = env.int("FACETRACK_INVITATION_MAILS", 60, validate=validate.Range(min=1))
# A page that shows live visits asks every minute, so an open dashboard is not idle.
SESSION_COOKIE_AGE = 60 * env.int("FACETRACK_SESSION_IDLE_MINUTES", 120, validate=validate.Range(min=5))
FACETRACK_SESSION_SECONDS: int = 3600 * env.int("FACETRACK_SESSION_HOURS", 12, validate=validate.Range(min=1))
# Number of proxies in front whose X-Forwarded-For is trusted; each adds the address that it saw.
FACETRACK_PROXIES: int = env.int("FACETRACK_PROXIES", 0, validate=validate.Range(min=0, max=10))

# Lockout: wrong passwords and codes for one e-mail from one device or address, counted in each tenant.
AXES_FAILURE_LIMIT: int = env.int("FACETRACK_LOGIN_FAILURES", 5, validate=validate.Range(min=1))
_lockout_minutes: int = env.int("FACETRACK_LOCKOUT_MINUTES", 15, validate=validate.Range(min=1))
AXES_COOLOFF_TIME = timedelta(minutes=_lockout_minutes)
# And per day: from all places together where the account has not logged in before; from one where it has.
FACETRACK_ACCOUNT_FAILURES: int = env.int(
    "FACETRACK_ACCOUNT_FAILURES", 50, validate=validate.Range(min=AXES_FAILURE_LIMIT)
)
AXES_HANDLER = "tenants.accounts.lockout.LockoutHandler"
AXES_CLIENT_IP_CALLABLE = "tenants.access.addresses.counted_address"
AXES_LOCKOUT_CALLABLE = "tenants.accounts.lockout.refusal"
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_ENABLE_ADMIN = AXES_VERBOSE = False
SILENCED_SYSTEM_CHECKS = ["axes.W002"]  # our middleware is a subclass of the expected one

# Second factor, changing and forgetting passwords: allauth's flows behind our pages.
ACCOUNT_ADAPTER = "tenants.accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]  # unused: there is no sign-up page
ACCOUNT_EMAIL_VERIFICATION = "none"  # a link in a mail proves the address
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "FaceTrack: "
ACCOUNT_AUTHENTICATED_LOGIN_REDIRECTS = False
ACCOUNT_LOGIN_TIMEOUT = 300  # from the password to the code
ACCOUNT_FORMS = {
    "reauthenticate": "tenants.accounts.forms.ConfirmForm",
    "user_token": "tenants.accounts.forms.LinkForm",
    "reset_password_from_key": "tenants.accounts.forms.NewPasswordForm",
    "change_password": "tenants.accounts.forms.ChangePasswordForm",
}
ACCOUNT_RATE_LIMITS = {
    "reset_password": "20/h/ip,3/h/key",
}
MFA_ADAPTER = "tenants.accounts.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "FaceTrack"
MFA_TOTP_TOLERANCE = 1  # phones' clocks differ; a code still works only once
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_FORMS = {
    "authenticate": "tenants.accounts.forms.CodeForm",
    "reauthenticate": "tenants.accounts.forms.ConfirmCodeForm",
    "activate_totp": "tenants.accounts.forms.SetUpForm",
}
FACETRACK_INSTALLATION_SECOND_FACTOR: bool = env.bool("FACETRACK_INSTALLATION_SECOND_FACTOR", False)

# --- Mail ---------------------------------------------------------------------------------------------
# Without a server mails are written to files, so that a new user can find them and none is lost.
EMAIL_BACKEND, EMAIL_FILE_PATH = "django.core.mail.backends.filebased.EmailBackend", str(VAR_DIR / "mail")
if os.environ.get("EMAIL_URL"):
    _mail: dict[str, object] = env.dj_email_url("EMAIL_URL")
    if "EMAIL_BACKEND" not in _mail:
        raise ImproperlyConfigured(
            "EMAIL_URL must begin with a mail scheme: submission://, smtp:// or file://"
        )
    if _mail["EMAIL_BACKEND"] == "django.core.mail.backends.smtp.EmailBackend":
        _mail["EMAIL_BACKEND"] = "tenants.accounts.smtp.EmailBackend"
    globals().update(_mail)
else:
    (VAR_DIR / "mail").mkdir(mode=0o700, exist_ok=True)  # links in mails are secrets
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str(
    "FACETRACK_MAIL_FROM", f"FaceTrack <noreply@{FACETRACK_PUBLIC_HOST}>"
)

# --- API ----------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tenants.rest.authentication.TokenAuthentication",
        "tenants.rest.authentication.KeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.auth.RolePermission"],
    "DEFAULT_PAGINATION_CLASS": "tenants.rest.pagination.TimePagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_THROTTLE_CLASSES": ["tenants.rest.throttles.Throttle"],
    "EXCEPTION_HANDLER": "tenants.rest.problems.problem_response",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SIMPLE_JWT: dict[str, Any] = {  # the keys are in `tenants.credentials.tokens`, not here
    "ALGORITHM": "RS256",
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=5),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=1),
    "USER_ID_CLAIM": "sub",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "FaceTrack",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["tenants.auth.RolePermission"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {"DecisionEnum": "visits.models.Decision"},
}

# --- Workers ------------------------------------------------------------------------------------------
FACETRACK_WORKER: str = env.str("FACETRACK_WORKER", "w1")
FACETRACK_WORKER_KEY: str = env.str("FACETRACK_WORKER_KEY", "")  # of a worker at the edge: `worker --server`
WORKER_HEARTBEAT_SECONDS: float = env.float("WORKER_HEARTBEAT_SECONDS", 30.0)
FACETRACK_SPOOL_MEGABYTES: float = env.float("FACETRACK_SPOOL_MEGABYTES", 500.0)
WORKER_FPS: float = env.float("WORKER_FPS", 5.0)
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_TENANT_CACHE_SECONDS = 30
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "health_check_interval": 10,
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat" / "schedule")
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    name: {"task": f"workers.tasks.{name}", "schedule": schedule(seconds), "options": {"expires": seconds}}
    for name, seconds in {
        "supervise": 1.0,
        "reconcile": 60.0,
        "drain_outbox": 5.0,
        "close_visits": 30.0,
        "clear_expired": 3600.0,
    }.items()
}

# --- Cameras: what a worker may open --------------------------------------------------------------------
# Files are played only from here: those in the folder itself by all tenants, a sub-folder by its tenant.
FACETRACK_CLIP_DIR: Path = env.path("FACETRACK_CLIP_DIR", VAR_DIR / "clips").absolute()
# Private networks that this worker opens at all, whatever tenants may use; unset: no limit of its own.
FACETRACK_WORKER_NETWORKS: list[IPv4Network | IPv6Network] | None = (
    env.list("FACETRACK_WORKER_NETWORKS", subcast=ip_network)
    if "FACETRACK_WORKER_NETWORKS" in os.environ
    else None
)
# Memory of the process that decodes one camera, beyond its libraries: a 4K stream takes 290 (10 bits).
FACETRACK_CAMERA_MEGABYTES: int = env.int("FACETRACK_CAMERA_MEGABYTES", 512, validate=validate.Range(min=192))
# Allows this machine as a camera: for tests and demonstrations that serve a stream themselves.
FACETRACK_CAMERA_LOOPBACK: bool = env.bool("FACETRACK_CAMERA_LOOPBACK", False)

# --- Models -------------------------------------------------------------------------------------------
FACETRACK_MODEL_DIR: Path | None = env.path("FACETRACK_MODEL_DIR", None)
FACETRACK_CACHE_DIR: Path = env.path("FACETRACK_CACHE_DIR", VAR_DIR / "models")
FACETRACK_MODEL_MIRROR: str = env.str("FACETRACK_MODEL_MIRROR", "")
# Of the packs, EdgeFace cannot be downloaded; the other one can (`manage.py models ensure`).
FACETRACK_PACK: str = env.str("FACETRACK_PACK", "edgeface-xs" if FACETRACK_MODEL_DIR else "arcface-mbf")
FACETRACK_DETECTOR: str = env.str("FACETRACK_DETECTOR", "yunet")

# --- The rest -----------------------------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = env.str("FACETRACK_TIME_ZONE", "UTC")
LANGUAGE_CODE = "en-gb"
FORMAT_MODULE_PATH = "facetrack.formats"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "filters": {"secrets": {"()": "facetrack.core.logs.WithoutSecrets"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["secrets"]},
    },
    "root": {"handlers": ["console"], "level": env.str("FACETRACK_LOG_LEVEL", "INFO")},
    "loggers": {
        "django_tenants": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
        "axes": {"level": "ERROR"},  # a line for each wrong password, without who and from where
        # Otherwise there is a line for each periodic task, every second.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}
UNFOLD = {
    "SITE_TITLE": "FaceTrack",
    "SITE_HEADER": "FaceTrack",
    "SITE_SYMBOL": "familiar_face_and_zone",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    # Unfold would put its colours inline, which the content security policy forbids; admin.css has them.
    "COLORS": lambda _: {},
}
