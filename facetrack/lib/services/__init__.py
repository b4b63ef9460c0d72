"""Backing services that start by themselves if the environment names none.

PostgreSQL, Valkey and Milvus Lite run from installed packages, without root and without containers,
on free ports of the loopback interface. Code that uses a service reads its URL from the environment
and cannot tell an embedded one from another.
"""

from facetrack.lib.services.embedded import Standing, ensure, keep, running, standings, stop
from facetrack.lib.services.errors import ServiceFailed

__all__ = ["ServiceFailed", "Standing", "ensure", "keep", "running", "standings", "stop"]
