"""Names that were stored before are brought into the one form in which names are compared."""

from datetime import timedelta

from django.db import migrations, models
from django.db.models.lookups import GreaterThan

from facetrack.core.text.tidying import tidying


class Migration(migrations.Migration):
    dependencies = [("visits", "0010_rejected_sighting")]
    operations = [
        migrations.RunPython(tidying("visits.Visitor", "name"), migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="visit",
            index=models.Index(
                condition=models.Q(
                    GreaterThan(models.F("last_seen_at") - models.F("started_at"), models.Value(timedelta(days=1)))
                ),
                fields=["last_seen_at"],
                name="visit_long",
            ),
        ),
    ]
