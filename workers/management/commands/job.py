"""manage.py job close_visits: run a periodic job by hand, for all tenants or one."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.isolation.context import inside
from tenants.queries import TenantMissing, customer, customers
from workers import tasks

OF_A_TENANT = {
    "reconcile": tasks.reconcile_tenant,
    "close_visits": tasks.close_visits_of_tenant,
    "count_storage": tasks.count_storage,
    "forget_old_events": tasks.forget_old_events,
}
OF_THE_INSTALLATION = {
    "drain_outbox": tasks.drain_outbox,
    "clear_expired": tasks.clear_expired,
    "supervise": tasks.supervise,
}


class Command(BaseCommand):
    help = "Run a periodic job now, in this process, instead of waiting for beat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", choices=sorted(OF_A_TENANT | OF_THE_INSTALLATION))
        parser.add_argument("--tenant", help="only this customer; default: all of them")

    def handle(self, *args: Any, name: str, tenant: str | None, **options: Any) -> None:
        if name in OF_THE_INSTALLATION:
            if tenant:
                raise CommandError(f"{name} runs for the whole installation: omit --tenant")
            OF_THE_INSTALLATION[name]()
            return
        try:
            chosen = [customer(tenant)] if tenant else customers()
        except TenantMissing as error:
            raise CommandError(str(error)) from None
        for each in chosen:
            with inside(each):
                OF_A_TENANT[name]()
            self.stdout.write(f"{name}: {each} done")
