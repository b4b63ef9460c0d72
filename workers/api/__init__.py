"""The fleet over the API."""
