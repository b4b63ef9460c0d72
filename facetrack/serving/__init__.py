"""Daphne with limits: how long a request may take to come, its size, how many connections there are."""
