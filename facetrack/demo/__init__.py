"""A camera's clip, made on the spot from face pictures that installed packages bring along, and its truth."""
