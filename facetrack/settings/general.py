"""Time, language, logs, the admin's looks."""

from facetrack.settings.base import env

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
