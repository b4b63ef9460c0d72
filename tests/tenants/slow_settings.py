"""The project's settings, with views that take their time: for a server that tests start."""

from facetrack.settings import *  # noqa: F403

ROOT_URLCONF = "tests.tenants.slow_urls"
