"""manage.py create_api_key --tenant acme --name door --role viewer, or --worker w1."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.access.sites import site_names
from tenants.credentials.actions import create_key, rotate_key
from tenants.credentials.queries import keys
from tenants.isolation.context import inside, installation
from tenants.models import ApiKey, Tenant
from tenants.queries import TenantMissing, customer, customers, installation_tenant
from tenants.rules import Role
from tenants.rules.keys import DAYS, DEFAULT_SCOPES, KEY_ROLES, MAX_DAYS, OVERLAP_HOURS, KeyText


class Command(BaseCommand):
    help = "Create an API key for a customer or for one worker, and print it once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", help="the customer to which it belongs")
        parser.add_argument(
            "--worker", metavar="NAME", help="the worker of the installation that will use it"
        )
        parser.add_argument("--name", help="what it is for; by default the worker's name")
        parser.add_argument("--role", choices=[role.value for role in KEY_ROLES])
        parser.add_argument("--scopes", nargs="+", help="read, write, enrol, worker or names of permissions")
        parser.add_argument(
            "--sites",
            nargs="+",
            help="names or ids of the sites to which it is limited; for a worker, sites of any customer",
        )
        parser.add_argument("--days", type=int, default=DAYS, help=f"how long it lasts, at most {MAX_DAYS}")
        parser.add_argument(
            "--rotate", metavar="PREFIX",
            help="replace the key that begins with ft_PREFIX, instead of creating a new one",
        )  # fmt: skip
        parser.add_argument(
            "--overlap",
            type=int,
            default=OVERLAP_HOURS,
            metavar="HOURS",
            help="with --rotate: how many hours the old key still works",
        )

    def handle(self, *args: Any, tenant: str | None, **options: Any) -> None:
        if tenant and options["worker"]:
            raise CommandError("a worker's key belongs to the installation: omit --tenant")
        try:
            if tenant:
                owner = customer(tenant)
                with inside(owner):
                    made = _rotated(owner, options) if options["rotate"] else _made(owner, options)
            else:
                with installation():
                    owner = installation_tenant()
                    made = _rotated(owner, options) if options["rotate"] else _made(owner, options)
        except TenantMissing as error:
            raise CommandError(str(error)) from None
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        key, text = made
        self.stdout.write(f"{text}")
        self.stderr.write(
            f"{key} of {owner}: {key.role}, {', '.join(key.scopes)}, until {key.expires_at:%Y-%m-%d}."
        )
        self.stderr.write("The key is shown only once.")


def _made(owner: Tenant, options: dict[str, Any]) -> tuple[ApiKey, KeyText]:
    worker = options["worker"] or ""
    if not (name := options["name"] or worker):
        raise CommandError("name its purpose with --name; for a worker, --worker NAME is enough")
    role = Role(options["role"] or Role.WORKER)
    return create_key(
        tenant=owner,
        name=name,
        worker=worker,
        role=role,
        scopes=options["scopes"] or DEFAULT_SCOPES[role],
        sites=_sites(options["sites"], of_all=bool(worker)) if options["sites"] else None,
        days=options["days"],
        by=None,
    )


def _rotated(owner: Tenant, options: dict[str, Any]) -> tuple[ApiKey, KeyText]:
    prefix = options["rotate"].removeprefix("ft_").split("_")[0]
    key = keys(owner).filter(prefix=prefix).first()
    if key is None:
        raise CommandError(f"{owner} has no key that begins with ft_{prefix}")
    return rotate_key(key=key, tenant=owner, overlap_hours=options["overlap"], by=None)


def _sites(wanted: list[str], *, of_all: bool) -> list[UUID]:
    """Those of the active tenant, or of all customers, that have such names or ids."""
    known = _all_sites() if of_all else site_names()
    found = []
    for site in wanted:
        meant = [pk for pk, name in known.items() if site in (name, str(pk))]
        if not meant:
            names = ", ".join(known.values()) or "none yet"
            raise CommandError(f"there is no site '{site}' (sites: {names})")
        if len(meant) > 1:
            raise CommandError(f"several customers have a site '{site}': use its id, which the API shows")
        found += meant
    return found


def _all_sites() -> dict[UUID, str]:
    known: dict[UUID, str] = {}
    for tenant in customers():
        with inside(tenant):
            known |= site_names()
    return known
