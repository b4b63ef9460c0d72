"""Daphne with limits: how long a request may take to come, how large it is, how many connections there are."""
