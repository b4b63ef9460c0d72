"""Where Django looks for the tables of this app; `workers.fleet.models` declares them."""

from workers.fleet.models import CameraLease, DeviceAssignment, LeaseGrant, Worker

__all__ = ["CameraLease", "DeviceAssignment", "LeaseGrant", "Worker"]
