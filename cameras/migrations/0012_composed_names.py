"""Names that were stored before are brought into the one form in which names are compared."""

from django.db import migrations

from facetrack.core.text.tidying import tidying


class Migration(migrations.Migration):
    dependencies = [("cameras", "0011_archive")]
    operations = [
        migrations.RunPython(tidying("cameras.Site", "name", unique=()), migrations.RunPython.noop),
        migrations.RunPython(tidying("cameras.Site", "address"), migrations.RunPython.noop),
        migrations.RunPython(tidying("cameras.Camera", "name", unique=("site",)), migrations.RunPython.noop),
    ]
