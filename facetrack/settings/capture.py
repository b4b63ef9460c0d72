"""What a worker may open, and the models it runs."""

import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from environs import validate

from facetrack.settings.base import VAR_DIR, env

# Files are played only from here: those in the folder itself by all tenants, a sub-folder by its tenant.
FACETRACK_CLIP_DIR: Path = env.path("FACETRACK_CLIP_DIR", VAR_DIR / "clips").absolute()
# Private networks that this worker opens at all, whatever tenants may use; unset: no limit of its own.
FACETRACK_WORKER_NETWORKS: list[IPv4Network | IPv6Network] | None = (
    env.list("FACETRACK_WORKER_NETWORKS", subcast=ip_network)
    if "FACETRACK_WORKER_NETWORKS" in os.environ
    else None
)
# Memory of the process that decodes one camera, beyond its libraries: a 4K stream takes 290 (10 bits).
FACETRACK_CAMERA_MEGABYTES: int = env.int("FACETRACK_CAMERA_MEGABYTES", 512, validate=validate.Range(min=192))
# Allows this machine as a camera: for tests and demonstrations that serve a stream themselves.
FACETRACK_CAMERA_LOOPBACK: bool = env.bool("FACETRACK_CAMERA_LOOPBACK", False)

FACETRACK_MODEL_DIR: Path | None = env.path("FACETRACK_MODEL_DIR", None)
FACETRACK_CACHE_DIR: Path = env.path("FACETRACK_CACHE_DIR", VAR_DIR / "models")
FACETRACK_MODEL_MIRROR: str = env.str("FACETRACK_MODEL_MIRROR", "")
# Of the packs, EdgeFace cannot be downloaded; the other one can (`manage.py models ensure`).
FACETRACK_PACK: str = env.str("FACETRACK_PACK", "edgeface-xs" if FACETRACK_MODEL_DIR else "arcface-mbf")
FACETRACK_DETECTOR: str = env.str("FACETRACK_DETECTOR", "yunet")
