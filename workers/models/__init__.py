"""The fleet: who may run cameras, and who runs which."""

from workers.models.lease import CameraLease, LeaseGrant
from workers.models.worker import Worker

__all__ = ["CameraLease", "LeaseGrant", "Worker"]
