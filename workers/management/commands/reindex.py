"""manage.py reindex: rebuild the visitors' index from PostgreSQL."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from tenants.models import Tenant
from tenants.queries import TenantMissing, customer, customers
from visits.index import IndexUnavailable
from workers.indexing import rebuild


class Command(BaseCommand):
    help = "Rebuild the index of visitors (Milvus) from PostgreSQL, which is authoritative."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", help="only this customer; default: all of them")
        parser.add_argument(
            "--pack", default=settings.FACETRACK_PACK, help="model pack, default: %(default)s"
        )

    def handle(self, *args: Any, tenant: str | None, pack: str, **options: Any) -> None:
        try:
            chosen = [customer(tenant)] if tenant else customers()
            with Progress(console=Console(file=sys.stderr)) as progress:
                bars = {each.pk: progress.add_task(each.name, total=None) for each in chosen}

                def advance(of: Tenant, done: int, total: int) -> None:
                    progress.update(bars[of.pk], completed=done, total=total)

                indexed = rebuild(pack, chosen, advance)
        except (TenantMissing, IndexUnavailable) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{indexed} visitor(s) of {len(chosen)} tenant(s) are in the index of {pack}.")
