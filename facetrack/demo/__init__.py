"""A camera's clip, generated from face pictures in installed packages, with its truth."""
