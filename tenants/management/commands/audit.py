"""manage.py audit verify|head|export: is the activity log as it was written, and what does it say"""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django_tenants.utils import get_public_schema_name

from tenants.audit import chain, export, triggers
from tenants.audit.activity import note
from tenants.audit.queries import lines_of
from tenants.isolation.context import installation
from tenants.models import Tenant, Verb
from tenants.queries import TenantMissing, customer, customers, is_public


class Command(BaseCommand):
    help = "Verify the chains of the activity log, print their heads, or export its lines."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        verify = actions.add_parser("verify", help="recompute every chain; exits with 1 where one is broken")
        verify.add_argument(
            "--against", type=Path, help="heads that you saved elsewhere with `audit head --json`"
        )
        head = actions.add_parser("head", help="print the head of each chain, to save elsewhere")
        lines = actions.add_parser("export", help="print the lines of one chain")
        lines.add_argument("--format", choices=["csv", "jsonl"], default="csv")
        for action in (verify, head, lines):
            action.add_argument(
                "--tenant", help="the customer's name; 'installation' for the installation's own log"
            )
        for action in (verify, head):
            action.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        with installation():
            getattr(self, f"_{action}")(options)

    def _verify(self, options: dict[str, Any]) -> None:
        kept = _kept(options["against"])
        verdicts = [
            chain.verify(tenant, kept=kept, progress=lambda lines: self.stderr.write(f"  {lines:,} lines"))
            for tenant in self._chains(options["tenant"])
        ]
        unwatched = [table for schema in _schemas() for table in triggers.missing(connection, schema)]
        sound = not unwatched and not any(verdict.broken for verdict in verdicts)
        if options["json"]:
            found = [
                {"chain": _name(one.tenant), "lines": one.lines, "broken": one.broken or None}
                for one in verdicts
            ]
            self.stdout.write(json.dumps({"sound": sound, "chains": found, "unwatched": unwatched}))
        else:
            for one in verdicts:
                state = f"BROKEN: {one.broken}" if one.broken else f"{one.lines:,} lines, sound"
                self.stdout.write(f"{_name(one.tenant)}: {state}")
            for table in unwatched:
                self.stdout.write(f"{table}: its changes are NOT LOGGED: run manage.py migrate_schemas")
        if not sound:
            raise CommandError("the activity log was changed: it is not what was written", returncode=1)

    def _head(self, options: dict[str, Any]) -> None:
        wanted = set(self._chains(options["tenant"]))
        found = [head for head in chain.heads() if head.tenant in wanted]
        if options["json"]:
            rows = [
                {"tenant": head.tenant and str(head.tenant), "number": head.number, "hash": head.hash.hex()}
                for head in found
            ]
            self.stdout.write(json.dumps(rows))
            return
        for head in found:
            self.stdout.write(f"{_name(head.tenant)}: {head.number} {head.hash.hex()}")

    def _export(self, options: dict[str, Any]) -> None:
        if not options["tenant"]:
            raise CommandError("name the log with --tenant NAME ('installation' for the installation's own)")
        (tenant,) = self._chains(options["tenant"])
        owner = Tenant.objects.filter(pk=tenant).first()
        note(Verb.EXPORTED, kind="tenants.activity", tenant=owner, details={"format": options["format"]})
        for text in export.text(options["format"], lines_of(tenant).order_by("number").iterator()):
            self.stdout.write(text, ending="")

    def _chains(self, name: str | None) -> list[UUID | None]:
        if name is None:
            return chain.chains()
        try:
            return [None if name == "installation" else customer(name).pk]
        except TenantMissing as error:
            raise CommandError(str(error)) from None


def _kept(path: Path | None) -> dict[UUID | None, chain.Head]:
    if path is None:
        return {}
    try:
        rows = json.loads(path.read_text())
        heads = [
            chain.Head(row["tenant"] and UUID(row["tenant"]), int(row["number"]), bytes.fromhex(row["hash"]))
            for row in rows
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CommandError(f"{path} does not hold what `audit head --json` prints: {error}") from None
    return {head.tenant: head for head in heads}


def _schemas() -> list[str]:
    return [get_public_schema_name(), *(tenant.schema_name for tenant in customers())]


def _name(tenant: UUID | None) -> str:
    if tenant is None:
        return "installation"
    known = Tenant.objects.filter(pk=tenant).first()
    return known.name if known and not is_public(known) else str(tenant)
