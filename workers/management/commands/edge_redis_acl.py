"""manage.py edge_redis_acl NAME: the Redis user of a worker at the edge."""

import secrets
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.rules.keys import is_worker_name
from workers.fleet.scheduler import queue_of
from workers.process.clients.edge_queue import redis_rights, redis_user


class Command(BaseCommand):
    help = (
        "Print the redis-cli command that gives a worker at the edge its own Redis user with a new "
        "password, and the REDIS_URL for that worker. This command changes nothing itself."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the worker's name, as in create_api_key --worker NAME")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        if not is_worker_name(name):
            raise CommandError("NAME must be letters, digits, - and _, at most 50 characters")
        parts = urlsplit(settings.REDIS_URL)
        number = parts.path.strip("/") or "0"
        if not number.isdigit():
            raise CommandError("REDIS_URL must end with the number of a database, such as /0")
        password = secrets.token_urlsafe(32)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        words = redis_rights(name, queue_of(name), password, database=int(number))
        self.stdout.write(" ".join(words))
        self.stdout.write(
            f"REDIS_URL={parts.scheme}://{redis_user(name)}:{password}@{host}:{parts.port or 6379}/{number}"
        )
        self.stderr.write(
            "Run the first line in redis-cli. Put the second line into the worker's environment, with the "
            "host name by which the worker reaches Redis, and with rediss:// outside a private network. "
            "The password is shown only once."
        )
