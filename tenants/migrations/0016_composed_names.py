"""Names that were stored before are brought into the one form in which names are compared."""

from django.db import migrations

from facetrack.core.text.tidying import tidying


class Migration(migrations.Migration):
    dependencies = [("tenants", "0015_content_type_of_identity_rejection")]
    operations = [
        migrations.RunPython(tidying("tenants.Tenant", "name", unique=()), migrations.RunPython.noop),
        migrations.RunPython(tidying("tenants.ApiKey", "name"), migrations.RunPython.noop),
        migrations.RunPython(tidying("tenants.User", "name"), migrations.RunPython.noop),
    ]
