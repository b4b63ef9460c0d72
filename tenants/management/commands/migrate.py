"""manage.py migrate: the same as migrate_schemas, for those who type what they are used to."""

from tenants.management.commands.migrate_schemas import Command

__all__ = ["Command"]
