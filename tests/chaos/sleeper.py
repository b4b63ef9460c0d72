"""A process that is stopped in the middle of a transaction, with all the locks that a worker ever takes.

python -m tests.chaos.sleeper SCHEMA CAMERA
"""

import os
import signal
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "facetrack.settings")
    import django

    django.setup()
    from django.db import transaction

    from cameras.models import Camera
    from tenants.isolation.context import inside, installation
    from tenants.models import Tenant
    from visits.locks import lock_journal, lock_strangers
    from workers.fleet.models import CameraLease
    from workers.fleet.scheduler import _only_supervisor

    schema, camera = sys.argv[1:]
    with installation():
        tenant = Tenant.objects.get(schema_name=schema)
    with inside(tenant), transaction.atomic():
        assert _only_supervisor()
        CameraLease.objects.select_for_update().get(pk=camera)
        lock_strangers()
        Camera.objects.select_for_update().get(pk=camera)
        lock_journal()
        sys.stdout.write("holding\n")
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGSTOP)


if __name__ == "__main__":
    main()
