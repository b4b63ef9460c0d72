"""manage.py networks acme --add 192.168.1.0/24"""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from facetrack.core.addresses.networks import in_form
from tenants.actions import allow_networks
from tenants.isolation.networks import said_of_networks
from tenants.queries import TenantMissing, customer


class Command(BaseCommand):
    help = "Show, add or remove the private networks in which workers open a customer's cameras."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the customer")
        parser.add_argument("--add", nargs="+", default=[], metavar="NETWORK", help="such as 192.168.1.0/24")
        parser.add_argument("--remove", nargs="+", default=[], metavar="NETWORK", help="as shown in the list")

    def handle(self, *args: Any, name: str, add: list[str], remove: list[str], **options: Any) -> None:
        try:
            tenant = customer(name)
            if add or remove:
                allow_networks(tenant=tenant, networks=_changed(tenant.allowed_networks, add, remove))
        except TenantMissing as error:
            raise CommandError(str(error)) from None
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stdout.write(said_of_networks(tenant))


def _changed(networks: list[str], add: list[str], remove: list[str]) -> list[str]:
    """Raises CommandError where a network to remove is not in the list."""
    try:
        gone = in_form(remove)
    except ValueError as error:
        raise CommandError(f"{error}: write it like 192.168.1.0/24") from None
    if missing := sorted(set(gone) - set(networks)):
        raise CommandError(f"{', '.join(missing)} is not in the list: {', '.join(networks) or 'it is empty'}")
    return [*(text for text in networks if text not in gone), *add]
