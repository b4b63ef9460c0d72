"""Pages that are the same on every host: logging in, one's own account, what an organisation decides."""
