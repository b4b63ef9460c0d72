"""Code that measures, not code that serves."""
