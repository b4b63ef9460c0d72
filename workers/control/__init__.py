"""What a web process asks a worker process for. Loads no models."""
