"""What the rest of the house is told, after the transaction is committed."""

from django.dispatch import Signal

member_invited = Signal()
"""Somebody was made a member. Sent inside the tenant with `tenant`, `user` and `new`: whether the account
was made for it and has no password yet. Whoever mails the link to set one listens here."""
