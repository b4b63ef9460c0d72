"""URLs, middleware, templates, static files."""

from facetrack.settings.base import BASE_DIR, VAR_DIR
from facetrack.settings.security import DEBUG

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
