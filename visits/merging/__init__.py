"""Visitors who may be one person: proposed, decided, undone."""
