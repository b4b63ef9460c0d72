"""Installed apps, and which tables live in which schema."""

from environs import validate

from facetrack.settings.base import env

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
