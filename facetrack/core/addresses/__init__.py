"""Networks, and addresses of this machine and of its services."""
