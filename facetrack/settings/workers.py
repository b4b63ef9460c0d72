"""Worker processes, Celery and its periodic tasks."""

from celery.schedules import schedule

from facetrack.settings.base import VAR_DIR, env
from facetrack.settings.data import REDIS_URL

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
