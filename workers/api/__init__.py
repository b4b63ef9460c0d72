"""API of the fleet."""
