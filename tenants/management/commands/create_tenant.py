"""manage.py create_tenant acme --domain acme.localhost --admin a@b.c"""

import secrets
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from tenants.actions import add_member, create_tenant, ensure_public
from tenants.isolation.networks import said_of_networks
from tenants.isolation.owner import as_owner
from tenants.rules import Role


class Command(BaseCommand):
    help = "Create a customer: its schema, its host and its first administrator."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the customer's name, e.g. acme")
        parser.add_argument("--domain", required=True, help="host name without port, e.g. acme.localhost")
        parser.add_argument("--admin", required=True, help="e-mail of the first administrator")
        parser.add_argument(
            "--networks",
            nargs="*",
            default=[],
            metavar="NETWORK",
            help="private networks that its cameras may be in, such as 192.168.1.0/24 (default: none)",
        )

    def handle(
        self, *args: Any, name: str, domain: str, admin: str, networks: list[str], **options: Any
    ) -> None:
        password = secrets.token_urlsafe(12)
        try:
            ensure_public(host=settings.FACETRACK_PUBLIC_HOST)
            with as_owner(), transaction.atomic():  # all of it or nothing
                tenant = create_tenant(name=name, host=domain, networks=networks)
                user = add_member(tenant=tenant, email=admin, role=Role.TENANT_ADMIN, password=password)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stdout.write(f"Tenant '{tenant}' is at host {domain} (schema {tenant.schema_name}).")
        self.stdout.write(said_of_networks(tenant))
        if user.check_password(password):
            self.stdout.write(f"{user.email} logs in with the password {password} (shown once).")
        else:
            self.stdout.write(f"{user.email} already has an account and logs in with its password.")
