"""Backing services that start by themselves if the environment names none.

PostgreSQL, Valkey and Milvus Lite run from installed packages, without root and without containers,
on free ports of the loopback interface. Code that uses a service reads its URL from the environment
and cannot tell an embedded one from another.
"""

from facetrack.devservices.embedded import ServiceStatus, ensure, keep, running, standings, stop
from facetrack.devservices.errors import ServiceFailed

__all__ = ["ServiceFailed", "ServiceStatus", "ensure", "keep", "running", "standings", "stop"]
