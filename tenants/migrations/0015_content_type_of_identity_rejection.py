"""The content type of NotThisPerson, and its permissions, take the name of IdentityRejection.

Django renames a content type with its model where the model's migration runs. That is in the schemas of
tenants, and content types are in the shared one: there the old row stayed, with all that refers to it.
"""

from typing import Any

from django.db import migrations

OLD, NEW = "notthisperson", "identityrejection"


def renamed(apps: Any, old: str, new: str, label: str) -> None:
    types = apps.get_model("contenttypes", "ContentType").objects.filter(app_label="visits")
    kind = types.filter(model=old).first()
    if kind is None or types.filter(model=new).exists():
        return
    kind.model = new
    kind.save(update_fields=["model"])
    for right in apps.get_model("auth", "Permission").objects.filter(content_type=kind.pk):
        action = right.codename.removesuffix(f"_{old}")
        right.codename, right.name = f"{action}_{new}", f"Can {action} {label}"
        right.save(update_fields=["codename", "name"])


def name_forward(apps: Any, schema_editor: Any) -> None:
    renamed(apps, OLD, NEW, "identity rejection")


def name_back(apps: Any, schema_editor: Any) -> None:
    renamed(apps, NEW, OLD, "not this person")


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("tenants", "0014_names_tenant_switch"),
    ]

    operations = [migrations.RunPython(name_forward, name_back)]
