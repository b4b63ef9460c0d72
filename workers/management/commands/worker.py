"""manage.py worker --name w1: watch the cameras that belong to this worker."""

from typing import Any

from celery import current_app
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from workers.engines.store import ModelMissing
from workers.loaded import loaded_engines
from workers.supervise import start_afresh

SPARE_THREADS = 4
"""For enrolment, closing visits and the outbox, while every camera keeps a thread of its own."""


class Command(BaseCommand):
    help = (
        "Watch cameras: a Celery worker on the queue worker.NAME, and on the queues that any worker serves."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", default=settings.FACETRACK_WORKER, help="default: %(default)s")
        parser.add_argument("--capacity", type=int, default=8, help="cameras at once, default: %(default)s")

    def handle(self, *args: Any, name: str, capacity: int, **options: Any) -> None:
        if not 1 <= capacity <= 200:
            raise CommandError(f"--capacity takes 1 to 200 cameras, not {capacity}")
        try:
            engines = loaded_engines()
        except ModelMissing as error:
            raise CommandError(str(error)) from None
        settings.FACETRACK_WORKER = name
        start_afresh(name, timezone.now())
        self.stdout.write(f"Worker {name}: model pack {engines.embedder.pack}, up to {capacity} cameras.")
        queues, threads = f"worker.{name},default", capacity + SPARE_THREADS
        words = f"worker --hostname={name}@%h --queues={queues} --pool=threads --concurrency={threads}"
        current_app.worker_main([*words.split(), "--loglevel=INFO", "--without-gossip", "--without-mingle"])
