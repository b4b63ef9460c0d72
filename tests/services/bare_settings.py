"""The settings that `manage.py services` reads, without the rest of the project: tests start it often."""

import os
from pathlib import Path

SECRET_KEY = "services tests"
INSTALLED_APPS = ["facetrack"]
VAR_DIR = Path(os.environ["FACETRACK_VAR_DIR"])
