"""Only Python's name changes: the table keeps its own."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("visits", "0007_people_first_site")]

    operations = [
        migrations.AlterModelTable(name="notthisperson", table="visits_notthisperson"),
        migrations.RenameModel(old_name="NotThisPerson", new_name="IdentityRejection"),
    ]
