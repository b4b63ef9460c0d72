"""manage.py worker --name w1 [--server URL]: run the cameras that the supervisor assigns to this worker."""

import gc
from pathlib import Path
from typing import Any
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from cameras.models import Site
from facetrack.core.text import tidy_line
from tenants.isolation.backend.base import DatabaseWrapper
from tenants.isolation.context import inside
from tenants.queries import customers
from tenants.rules.keys import is_worker_name
from visits.index import visitor_index
from workers.fleet.registration import Introduction, register
from workers.process.clients.api_client import ApiClient, checked_server
from workers.process.clients.direct_fleet_client import DirectFleetClient
from workers.process.clients.edge_queue import EdgeQueueTransport
from workers.process.clients.fleet_client import FleetClient, Unavailable, WorkerRejected
from workers.process.clients.https_fleet_client import HttpsFleetClient
from workers.process.hardware import accelerators, devices, packs, versions
from workers.process.model_cache import loaded_models
from workers.process.sinks.spool import Spool, SpoolInUse
from workers.process.worker_process import WorkerProcess, install
from workers.recognition.models.store import ModelMissing

TASK_THREADS = 8
"""Threads for tasks; each camera has its own thread besides."""

DATABASE_SECONDS = 0.5
"""Shorter than the gap that ends a track, so that the track of a waiting person continues afterwards."""
MAX_CONNECTIONS = 30


class Command(BaseCommand):
    help = (
        "Run the cameras that the supervisor assigns to this worker. It is also a Celery worker on the queue "
        "worker.NAME and, without --server, on the queue that all workers serve."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", default=settings.FACETRACK_WORKER, help="default: %(default)s")
        parser.add_argument("--capacity", type=int, default=16, help="maximum cameras, default: %(default)s")
        parser.add_argument(
            "--site",
            action="append",
            default=[],
            help="serve only cameras of this site (its id or, without --server, its name); may be repeated",
        )
        parser.add_argument(
            "--server",
            metavar="URL",
            help="do everything over HTTPS through the installation's public host; needs no database",
        )
        parser.add_argument(
            "--key-file",
            type=Path,
            metavar="FILE",
            help="with --server: file with this worker's API key; default: FACETRACK_WORKER_KEY",
        )

    def handle(
        self,
        *args: Any,
        name: str,
        capacity: int,
        site: list[str],
        server: str | None,
        key_file: Path | None,
        **options: Any,
    ) -> None:
        if not 1 <= capacity <= 200:
            raise CommandError(f"--capacity must be 1 to 200 cameras, not {capacity}")
        if not is_worker_name(name):
            raise CommandError("--name must be letters, digits, - and _, at most 50 characters")
        api_client = _api_client(server, key_file)
        if api_client is None:
            _never_wait_long(capacity)
            sites = [found for given in site for found in _sites(given)]
        else:
            sites = [_site_id(given) for given in site]
            DatabaseWrapper.shut = True
        try:
            models = loaded_models()
            spool = Spool(settings.VAR_DIR / "spool" / name, megabytes=settings.FACETRACK_SPOOL_MEGABYTES)
        except (ModelMissing, SpoolInUse) as error:
            raise CommandError(str(error)) from None
        if api_client is None:
            visitor_index(models.embedder.pack)  # its library is loaded now, not with the first visitor
        introduction = Introduction(
            name=name,
            capacity=capacity,
            sites=sites,
            devices=devices(),
            packs=packs(),
            accelerators=accelerators(),
            versions=versions(),
        )
        worker_process = WorkerProcess(_fleet_client(api_client, introduction), spool)
        connection.close()
        install(worker_process)
        worker_process.begin()
        self.stdout.write(f"Worker {name}: model pack {models.embedder.pack}, up to {capacity} cameras.")
        try:
            current_app.worker_main(_celery_words(name, alone=api_client is not None))
        finally:
            worker_process.end()
            gc.freeze()  # otherwise a collection scans all loaded libraries once more: seconds
            if worker_process.refusal:
                raise CommandError(worker_process.refusal)


def _celery_words(name: str, *, alone: bool) -> list[str]:
    """Celery's command line. `alone`: it takes messages from this worker's own queue and does nothing else in
    Redis, which refuses everything else (`manage.py edge_redis_acl`)."""
    queues = f"worker.{name}" + ("" if alone else ",default")  # tasks of "default" need the database
    words = f"worker --hostname={name}@%h --queues={queues} --pool=threads --concurrency={TASK_THREADS}"
    words += " --loglevel=INFO --without-gossip --without-mingle"
    if alone:
        words += " --without-heartbeat"
        current_app.conf.worker_enable_remote_control = False
        current_app.conf.broker_transport = f"{EdgeQueueTransport.__module__}:{EdgeQueueTransport.__name__}"
    return words.split()


def _api_client(server: str | None, key_file: Path | None) -> ApiClient | None:
    """None for a worker on the installation's own machines. Raises CommandError."""
    if not server:
        if key_file:
            raise CommandError("--key-file requires --server: without it a worker needs no key")
        return None
    try:
        origin = checked_server(server, plain=settings.DEBUG)
        key = key_file.read_text().strip() if key_file else settings.FACETRACK_WORKER_KEY
    except ValueError as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"the key file {key_file} cannot be read: {error.strerror}") from None
    if not key:
        raise CommandError(
            "--server needs this worker's API key: name its file with --key-file, or set "
            "FACETRACK_WORKER_KEY (create a key with manage.py create_api_key --worker NAME)"
        )
    return ApiClient(origin, key)


def _fleet_client(api_client: ApiClient | None, introduction: Introduction) -> FleetClient:
    """Registers the worker. Raises CommandError."""
    if api_client is None:
        return DirectFleetClient(register(introduction=introduction))
    try:
        return HttpsFleetClient.registered(api_client, introduction)
    except (Unavailable, WorkerRejected) as error:
        raise CommandError(str(error)) from None


def _never_wait_long(cameras: int) -> None:
    """A connection for every camera, and no long wait for an unavailable database.

    A camera's thread sees no frames while it waits; the spool takes what cannot be saved at once.
    """
    pool = connection.settings_dict.get("OPTIONS", {}).get("pool")
    if isinstance(pool, dict):
        pool["timeout"] = DATABASE_SECONDS
        pool["max_size"] = max(int(pool["max_size"]), min(cameras + TASK_THREADS + 2, MAX_CONNECTIONS))


def _site_id(given: str) -> str:
    """Raises CommandError."""
    try:
        return str(UUID(given))
    except ValueError:
        raise CommandError(
            f"with --server, --site must be a site's id as the API shows it, not '{given}'"
        ) from None


def _sites(given: str) -> list[str]:
    """The ids of the sites, of any tenant, that have this id or name. Raises CommandError."""
    found, name = [], tidy_line(given)
    for tenant in customers():
        with inside(tenant):
            found += [
                str(site.pk)
                for site in Site.objects.filter(archived_at=None)
                if name in (str(site.pk), site.name)
            ]
    if not found:
        raise CommandError(f"there is no site '{given}': give its name, or its id as the API shows it")
    return found
