"""The admin's pages about visitors and visits."""

from visits.admin import decisions, people

__all__ = ["decisions", "people"]
