"""FaceTrack's settings, one module a subject. Every value comes from the environment or has a safe default.

An invalid value stops the start and names its variable (environs). `docs/settings.md` lists the variables.
Backing services are URLs; `manage.py` starts embedded ones for those not given.
"""

from facetrack.settings.accounts import *
from facetrack.settings.api import *
from facetrack.settings.apps import *
from facetrack.settings.base import *
from facetrack.settings.capture import *
from facetrack.settings.data import *
from facetrack.settings.general import *
from facetrack.settings.mail import *
from facetrack.settings.security import *
from facetrack.settings.web import *
from facetrack.settings.workers import *
