import django.contrib.postgres.fields
import django.db.models.deletion
import facetrack.core.crypto
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('cameras', '0002_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='CameraCredential',
            fields=[
                ('camera', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='credential', serialize=False, to='cameras.camera')),
                ('username', facetrack.core.crypto.EncryptedTextField(blank=True)),
                ('password', facetrack.core.crypto.EncryptedTextField(blank=True)),
            ],
        ),
        migrations.AddField(
            model_name='site',
            name='networks',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=43), blank=True, default=list, help_text='Such as 192.168.1.0/24, separated by commas. Other private networks are refused.', size=20, verbose_name='private networks of its cameras'),
        ),
        migrations.AlterField(
            model_name='camera',
            name='location',
            field=models.CharField(help_text="rtsp://… or http://… without user and password, for which {username} and {password} may stand in it; a USB camera's number; a file in the installation's folder of clips.", max_length=500, verbose_name='address'),
        ),
    ]
