"""Logins move out of the cameras' rows and addresses; sites allow the private addresses they use already."""

from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from django.db import migrations

from cameras.rules.login import taken_apart
from facetrack.core.addresses.networks import PRIVATE


def move(apps, schema_editor):
    Camera = apps.get_model('cameras', 'Camera')
    CameraCredential = apps.get_model('cameras', 'CameraCredential')
    for camera in Camera.objects.iterator(chunk_size=500):
        usernames, passwords = [camera.username] if camera.username else [], [camera.password] if camera.password else []
        if camera.kind in ('rtsp', 'http'):
            camera.location, more_names, more_passwords = taken_apart(camera.location)
            usernames, passwords = usernames + more_names, passwords + more_passwords
            _allow(camera.site, camera.location)
        too_long = len(camera.location) > 500
        if too_long or len(set(usernames)) > 1 or len(set(passwords)) > 1:  # a person has to say what counts
            camera.location = camera.location.partition('?')[0][:500]
            camera.enabled, camera.status = False, 'error'
            camera.status_detail = 'Its address held a login that could not be taken apart: enter address, user name and password again.'
        camera.save(update_fields=['location', 'enabled', 'status', 'status_detail'])
        if usernames or passwords:
            CameraCredential.objects.create(
                camera=camera,
                username=usernames[0] if usernames else '',
                password=passwords[0] if passwords else '',
            )


def _allow(site, location):
    try:
        address = ip_address(urlsplit(location).hostname or '')
    except ValueError:
        return
    if not any(address in private for private in PRIVATE):
        return
    if any(address in ip_network(text) for text in site.networks):
        return
    whole = ip_network((address, 24 if address.version == 4 else 64), strict=False)  # a site's network, usually
    site.networks = [*site.networks, str(whole)]
    site.save(update_fields=['networks'])


def move_back(apps, schema_editor):
    CameraCredential = apps.get_model('cameras', 'CameraCredential')
    for credential in CameraCredential.objects.select_related('camera').iterator(chunk_size=500):
        camera = credential.camera
        camera.username, camera.password = credential.username[:100], credential.password
        camera.save(update_fields=['username', 'password'])
        credential.delete()


class Migration(migrations.Migration):

    dependencies = [
        ('cameras', '0003_hardening_credential'),
    ]

    operations = [
        migrations.RunPython(move, move_back),
    ]
