"""Daphne with limits: time to receive a request, its size, and the number of connections."""
