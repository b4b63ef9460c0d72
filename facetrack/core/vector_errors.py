"""What can go wrong with the visitors' index; apart from it, because importing it takes a second."""


class IndexUnavailable(Exception):
    """The index gave no answer, not in time, or an error. Names the server, never its password."""


class ForeignTenant(Exception):
    """The index returned a row of another tenant than asked: stop at this fault, never skip it."""
