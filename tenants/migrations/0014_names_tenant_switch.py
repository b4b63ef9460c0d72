"""Only Python's name changes: the table keeps its own. Permissions of the model are called as it is."""

from typing import Any

from django.db import migrations


def rename_permissions(
    apps: Any, schema_editor: Any, old: str = "handover", new: str = "tenantswitch"
) -> None:
    permission = apps.get_model("auth", "Permission")
    for row in permission.objects.filter(content_type__app_label="tenants", codename__endswith=f"_{old}"):
        codename = row.codename.removesuffix(old) + new
        if not permission.objects.filter(content_type=row.content_type_id, codename=codename).exists():
            row.codename, row.name = codename, f"Can {codename.partition('_')[0]} tenant switch"
            row.save(update_fields=["codename", "name"])


def name_back(apps: Any, schema_editor: Any) -> None:
    rename_permissions(apps, schema_editor, "tenantswitch", "handover")


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("tenants", "0013_wording"),
    ]

    operations = [
        migrations.AlterModelTable(name="handover", table="tenants_handover"),
        migrations.RenameModel(old_name="HandOver", new_name="TenantSwitch"),
        migrations.RunPython(rename_permissions, name_back),
    ]
