from django.apps import AppConfig

from facetrack.celery import app as celery_app  # shared tasks bind to it in every process that sets Django up

__all__ = ["FacetrackConfig", "celery_app"]


class FacetrackConfig(AppConfig):
    name = "facetrack"
    verbose_name = "FaceTrack"

    def ready(self) -> None:
        from facetrack import checks  # noqa: F401  registers them
