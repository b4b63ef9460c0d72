"""Actions on tokens and keys."""

from tenants.credentials.actions.families import exchange, forget_expired, log_in, log_out, renew
from tenants.credentials.actions.keys import (
    create_key,
    note_use,
    require_key_in_order,
    revoke_key,
    rotate_key,
)

__all__ = [
    "create_key",
    "exchange",
    "forget_expired",
    "log_in",
    "log_out",
    "note_use",
    "renew",
    "require_key_in_order",
    "revoke_key",
    "rotate_key",
]
