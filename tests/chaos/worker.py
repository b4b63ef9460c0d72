"""The worker command as it is, with engines that know the made-up people."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "facetrack.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import execute_from_command_line

    from tests.chaos.people import models
    from workers.process import model_cache

    model_cache._loaded[settings.FACETRACK_PACK, settings.FACETRACK_DETECTOR] = models()
    execute_from_command_line(["manage.py", "worker", *sys.argv[1:]])


if __name__ == "__main__":
    main()
