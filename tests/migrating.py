"""Tables as they were once: back to a migration and forth again."""

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tests.backing import ROOT


def names(app: str) -> list[str]:
    """The names of an app's migrations, in their order."""
    return sorted(path.stem for path in (ROOT / app / "migrations").glob("0*.py"))


def migrate(app: str, to: str) -> None:
    """As the owner of the tables, and in a transaction that is rolled back."""
    with connection.cursor() as cursor:  # or PostgreSQL refuses to alter tables that checks still wait for
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    MigrationExecutor(connection).migrate([(app, to)])
