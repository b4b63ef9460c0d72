from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('cameras', '0004_hardening_move_credentials'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='camera',
            name='password',
        ),
        migrations.RemoveField(
            model_name='camera',
            name='username',
        ),
    ]
