"""The fleet: workers, leases of cameras, and assignments of machines' devices."""

from workers.models.device import DeviceAssignment
from workers.models.lease import CameraLease, LeaseGrant
from workers.models.worker import Worker

__all__ = ["CameraLease", "DeviceAssignment", "LeaseGrant", "Worker"]
