"""manage.py runserver: refused, because Django's own has no WebSockets and none of our limits."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = "Not used here: `make dev` serves with hot reload, `manage.py web` without."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", nargs="?", help="not used")

    def handle(self, *args: Any, **options: Any) -> None:
        raise CommandError(
            "runserver has no WebSockets and no limits. Use `make dev` (hot reload) or `manage.py web`."
        )
