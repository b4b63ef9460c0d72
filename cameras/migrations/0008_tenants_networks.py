"""Each tenant keeps the private networks that its sites use. Operators allow others."""

import django.contrib.postgres.fields
from django.db import migrations, models


def allow(apps, schema_editor):
    Site = apps.get_model('cameras', 'Site')
    Tenant = apps.get_model('tenants', 'Tenant')
    used = {network for networks in Site.objects.values_list('networks', flat=True) for network in networks}
    tenant = Tenant.objects.filter(schema_name=schema_editor.connection.schema_name).first()
    if tenant is None or not used:
        return
    tenant.allowed_networks = sorted(used | set(tenant.allowed_networks))
    tenant.save(update_fields=['allowed_networks'])


class Migration(migrations.Migration):

    dependencies = [
        ('cameras', '0007_fleet'),
        ('tenants', '0011_allowed_networks'),
    ]

    operations = [
        migrations.RunPython(allow, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='site',
            name='networks',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=43), blank=True, default=list, help_text='Such as 192.168.1.0/24, separated by commas. Other private networks are refused; so are those that whoever runs the installation has not allowed to your organisation.', size=20, verbose_name='private networks of its cameras'),
        ),
    ]
