"""manage.py beat: send the periodic tasks. One process per installation."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from facetrack.celery import app


class Command(BaseCommand):
    help = "Send the periodic tasks: reconciliation, closing visits, the outbox, deleting expired data."

    def handle(self, *args: Any, **options: Any) -> None:
        Path(settings.CELERY_BEAT_SCHEDULE_FILENAME).parent.mkdir(parents=True, exist_ok=True)
        app.Beat(loglevel="INFO", logfile=None, quiet=True).run()
