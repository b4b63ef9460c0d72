"""The fleet: who may run cameras, who runs which, and whose the machines' devices are."""

from workers.models.device import DeviceAssignment
from workers.models.lease import CameraLease, LeaseGrant
from workers.models.worker import Worker

__all__ = ["CameraLease", "DeviceAssignment", "LeaseGrant", "Worker"]
