"""What the rest of the house is told, after the transaction is committed."""

from django.dispatch import Signal

member_invited = Signal()
"""Somebody was made a member. Sent inside the tenant with `tenant`, `user` and `new`: whether the account
was made for it and has no password yet. Whoever mails the link to set one listens here."""

credential_issued = Signal()
credential_revoked = Signal()
credential_refused = Signal()
"""What became of a token or key. Sent with `kind`, `tenant` (None: the installation), `name`, `reason`, and
the ids of `user`, `key` and `family` where they are known; never with a secret."""
