
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('visits', '0009_visitor_by_name'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='identityrejection',
            options={'ordering': ['-created_at'], 'verbose_name': 'rejected match', 'verbose_name_plural': 'rejected matches'},
        ),
        migrations.AddField(
            model_name='identityrejection',
            name='sighting',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='visits.sighting'),
        ),
    ]
