"""manage.py edge_redis_acl NAME: the user of Redis that a worker at the edge gets."""

import secrets
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.credentials.rules import is_worker_name
from workers.links.own_queue import redis_rights, redis_user
from workers.supervise import queue_of


class Command(BaseCommand):
    help = (
        "Print the command for redis-cli that gives a worker at the edge its own user of Redis, with a new "
        "password, and the REDIS_URL for that worker. Nothing is changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the worker's, as in create_api_key --worker NAME")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        if not is_worker_name(name):
            raise CommandError("NAME takes letters, digits, - and _, at most 50")
        parts = urlsplit(settings.REDIS_URL)
        number = parts.path.strip("/") or "0"
        if not number.isdigit():
            raise CommandError("REDIS_URL ends with the number of a database, such as /0")
        password = secrets.token_urlsafe(32)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        words = redis_rights(name, queue_of(name), password, database=int(number))
        self.stdout.write(" ".join(words))
        self.stdout.write(
            f"REDIS_URL={parts.scheme}://{redis_user(name)}:{password}@{host}:{parts.port or 6379}/{number}"
        )
        self.stderr.write(
            "The first line is for redis-cli, the second for the worker's environment: with the name by "
            "which that reaches Redis, and rediss:// outside of a private network. It is shown this once."
        )
