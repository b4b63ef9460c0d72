"""Mail: a server, or files while none is named."""

import os

from django.core.exceptions import ImproperlyConfigured

from facetrack.settings.apps import FACETRACK_PUBLIC_HOST
from facetrack.settings.base import VAR_DIR, env

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
