from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("visits", "0008_names_identity_rejection")]

    operations = [
        migrations.AddIndex(
            model_name="visitor",
            index=models.Index(
                condition=models.Q(("name", ""), _negated=True), fields=["name"], name="visitor_by_name"
            ),
        ),
    ]
