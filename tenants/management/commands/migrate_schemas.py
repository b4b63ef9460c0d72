"""manage.py migrate_schemas: bring all tables up to date, as their owner, and let PostgreSQL guard them."""

from typing import Any

from django_tenants.management.commands.migrate_schemas import MigrateSchemasCommand

from tenants.isolation.owner import as_owner
from tenants.isolation.policies import secure


class Command(MigrateSchemasCommand):  # type: ignore[misc]
    def handle(self, *args: Any, **options: Any) -> None:
        with as_owner():
            super().handle(*args, **options)
            if not options.get("schema_name"):  # a single new schema is secured by the code that makes it
                secure()
