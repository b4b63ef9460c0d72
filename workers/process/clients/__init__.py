"""How a worker process asks the installation: through PostgreSQL, or over HTTPS."""
