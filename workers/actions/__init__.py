"""What changes the fleet: leases and workers."""
