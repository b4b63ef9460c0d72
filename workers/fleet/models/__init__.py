"""The fleet: workers, leases of cameras, and assignments of machines' devices."""

from workers.fleet.models.device import DeviceAssignment
from workers.fleet.models.lease import CameraLease, LeaseGrant
from workers.fleet.models.worker import Worker

__all__ = ["CameraLease", "DeviceAssignment", "LeaseGrant", "Worker"]
