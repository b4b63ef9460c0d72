"""manage.py assign_device gate 0 --tenant acme: assign a machine's USB device to a tenant."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.queries import TenantMissing, customer
from workers.fleet.devices import assign_device, take_device_back


class Command(BaseCommand):
    help = "Let one customer use a USB camera of a machine; no other customer can open it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("host", help="the machine's name, as its workers report it")
        parser.add_argument("device", type=int, help="the device's number: 0 is /dev/video0")
        parser.add_argument("--tenant", required=True, help="the customer's name")
        parser.add_argument("--remove", action="store_true", help="withdraw it from this customer")

    def handle(self, *args: Any, host: str, device: int, tenant: str, remove: bool, **options: Any) -> None:
        try:
            owner = customer(tenant)
            if not remove:
                given = assign_device(host=host, device=device, tenant=owner)
                self.stdout.write(f"The {given} is assigned to {owner} only.")
            elif take_device_back(host=host, device=device, tenant=owner):
                self.stdout.write(f"{owner} can no longer use device {device} of {host}.")
            else:
                raise CommandError(f"device {device} of {host} was not assigned to {owner}")
        except TenantMissing as error:
            raise CommandError(str(error)) from None
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
