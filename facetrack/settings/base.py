"""What all settings are read with, and where this installation keeps its files."""

import os
from pathlib import Path

import django_stubs_ext
from environs import Env

from facetrack.core.addresses.loopback import bypass_proxies

django_stubs_ext.monkeypatch()  # before any model or form names its type arguments
bypass_proxies(os.environ)  # before any library reads them
env = Env()
BASE_DIR = Path(__file__).resolve().parents[2]
VAR_DIR: Path = env.path("FACETRACK_VAR_DIR", BASE_DIR / "var")
VAR_DIR.mkdir(parents=True, exist_ok=True)  # the modules beside this one make folders in it
