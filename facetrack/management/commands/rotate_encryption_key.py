"""manage.py rotate_encryption_key: re-encrypt stored values with the first key, so that others can go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import IO, Any, cast

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from facetrack.core.crypto.rotation import Column, Tally, encrypted_columns, rotate, rows_in
from tenants.isolation.context import inside, installation
from tenants.queries import customers

SECOND_FACTORS = [Column("mfa_authenticator", "id", "data", False, member) for member in ("secret", "seed")]
"""Values that allauth encrypts with our keys, in a JSON column: authenticator apps, recovery codes."""

Place = tuple[str, AbstractContextManager[None], list[Column]]


class Command(BaseCommand):
    help = (
        "Re-encrypt all stored values with the first of FACETRACK_ENCRYPTION_KEYS, then verify. "
        "First put the new key in front and restart all processes; afterwards drop the old key."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count the values under older keys")
        parser.add_argument(
            "--batch", type=int, default=500, help="rows per transaction (default: %(default)s)"
        )

    def handle(self, *args: Any, dry_run: bool, batch: int, **options: Any) -> None:
        if not 1 <= batch <= 10_000:
            raise CommandError("--batch must be a number of rows from 1 to 10,000")
        found = self._pass("counting" if dry_run else "rotating", write=not dry_run, batch=batch)
        if found.lost:
            raise CommandError(
                f"no key decrypts {found.lost} of {found.values} values; the others are done. Add the "
                "missing keys to FACETRACK_ENCRYPTION_KEYS, behind the first one, and run this again"
            )
        if dry_run:
            self.stdout.write(
                f"{found.older} of {found.values} values are under older keys. Nothing was written."
            )
            return
        left = self._pass("verifying", write=False, batch=batch)
        if left.older or left.lost:
            raise CommandError(
                f"{left.older + left.lost} values were written under an older key meanwhile: a process still "
                "runs with that key in front. Restart all processes with the new keys and run this again"
            )
        older = len(settings.FACETRACK_ENCRYPTION_KEYS) - 1
        advice = "The older keys can be dropped." if older else "No older key is configured."
        self.stdout.write(f"{found.older} values re-encrypted, {left.values} verified. {advice}")

    def _pass(self, what: str, *, write: bool, batch: int) -> Tally:
        whole = Tally()
        with self._progress() as progress:
            for title, entered, columns in _places():
                with entered:
                    for column in columns:
                        task = progress.add_task(f"{what} {title}: {column}", total=rows_in(column))

                        def advance(rows: int, task: Any = task) -> None:
                            progress.advance(task, rows)

                        whole.add(rotate(column, write=write, batch=batch, on_rows=advance))
                        progress.remove_task(task)
        return whole

    def _progress(self) -> Progress:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = Console(file=cast(IO[str], self.stderr), stderr=True)
        return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _places() -> Iterator[Place]:
    """The shared tables, then each customer's, each with its encrypted columns."""
    private = {name for name in settings.TENANT_APPS if name not in settings.SHARED_APPS}
    kinds = list(apps.get_models(include_auto_created=True))
    shared = encrypted_columns(kind for kind in kinds if kind._meta.app_label not in private)
    own = encrypted_columns(kind for kind in kinds if kind._meta.app_label in private)
    yield "installation", installation(), [*shared, *SECOND_FACTORS]
    with installation():
        tenants = customers()
    for tenant in tenants:
        yield tenant.name, inside(tenant), own
