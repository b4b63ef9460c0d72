"""Changes to the fleet: leases and workers."""
