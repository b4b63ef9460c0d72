from pathlib import PurePosixPath

from django.conf import settings
from django.db import migrations, models


def name_clips(apps, schema_editor):
    """A clip is stored by its path in the folder of clips: the folder is the server's own."""
    folder = PurePosixPath(settings.FACETRACK_CLIP_DIR)
    cameras = apps.get_model("cameras", "Camera").objects
    for pk, location in list(cameras.filter(kind="file").values_list("pk", "location")):
        path = folder / location
        if path.is_relative_to(folder) and str(path.relative_to(folder)) != location:
            cameras.filter(pk=pk).update(location=str(path.relative_to(folder)))


class Migration(migrations.Migration):

    dependencies = [
        ('cameras', '0010_orientation'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='camera',
            name='camera_name_once_a_site',
        ),
        migrations.AddField(
            model_name='camera',
            name='archived_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='site',
            name='archived_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name='site',
            name='name',
            field=models.CharField(max_length=100),
        ),
        migrations.AddConstraint(
            model_name='camera',
            constraint=models.UniqueConstraint(condition=models.Q(('archived_at', None)), fields=('site', 'name'), name='camera_name_once_a_site', violation_error_message='Another camera of this site has this name.'),
        ),
        migrations.AddConstraint(
            model_name='camera',
            constraint=models.CheckConstraint(condition=models.Q(('archived_at', None), ('enabled', False), _connector='OR'), name='archived_camera_is_off'),
        ),
        migrations.AddConstraint(
            model_name='site',
            constraint=models.UniqueConstraint(condition=models.Q(('archived_at', None)), fields=('name',), name='site_name_once', violation_error_message='Another site has this name.'),
        ),
        migrations.RunPython(name_clips, migrations.RunPython.noop),
    ]
