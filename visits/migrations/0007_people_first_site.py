"""Visitors belong to the site of their first visit."""

from typing import Any

from django.db import migrations
from django.db.models import OuterRef, Subquery


def settle(apps: Any, schema_editor: Any) -> None:
    visit, visitor = apps.get_model("visits", "Visit"), apps.get_model("visits", "Visitor")
    first = visit.objects.filter(visitor=OuterRef("pk")).order_by("started_at", "pk").values("site")[:1]
    visitor.objects.filter(site=None).update(site=Subquery(first))


class Migration(migrations.Migration):
    dependencies = [("visits", "0006_people_visitor_site")]
    operations = [migrations.RunPython(settle, migrations.RunPython.noop)]
