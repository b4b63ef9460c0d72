"""Names that were stored before are brought into the one form in which names are compared."""

from django.db import migrations

from facetrack.core.text.tidying import tidying


class Migration(migrations.Migration):
    dependencies = [("staff", "0004_match_thresholds")]
    operations = [
        migrations.RunPython(tidying("staff.StaffMember", "name"), migrations.RunPython.noop),
        migrations.RunPython(tidying("staff.StaffMember", "department"), migrations.RunPython.noop),
        migrations.RunPython(tidying("staff.StaffMember", "email"), migrations.RunPython.noop),
        migrations.RunPython(tidying("staff.StaffMember", "employee_number", unique=()), migrations.RunPython.noop),
    ]
