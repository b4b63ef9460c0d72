"""Live events belong to a site. The journal is emptied: open pages reload."""

import django.db.models.deletion
from django.db import migrations, models


def cut_the_journal(apps, schema_editor):
    apps.get_model("visits", "LiveEvent").objects.all().delete()


class Migration(migrations.Migration):

    dependencies = [
        ("cameras", "0002_initial"),
        ("visits", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(cut_the_journal, migrations.RunPython.noop),
        migrations.AddField(
            model_name="liveevent",
            name="site",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="cameras.site"
            ),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name="liveevent",
            index=models.Index(fields=["site", "id"], name="live_event_by_site"),
        ),
    ]
