"""The version of a row: a keyed hash of the values that people write.

Not PostgreSQL's `xmin` and not `updated_at`: workers write to the rows of cameras and visitors every few
seconds, and a version of the whole row would tell people of changes that are not theirs to see. Some models
have no `updated_at`. A hash of the values needs no column, and every writer counts.

The key keeps callers from finding a value that they may not see by trying.
"""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import Model
from django.utils.crypto import salted_hmac

_SALT = "facetrack.core.versions"


def version(values: Mapping[str, Any], *, of: object) -> str:
    """32 hexadecimal digits. `of` says whose values they are: equal values of two rows differ in it."""
    text = json.dumps([str(of), {name: plain(value) for name, value in values.items()}], sort_keys=True)
    return salted_hmac(_SALT, text, algorithm="sha256").hexdigest()[:32]


def plain(value: Any) -> Any:
    """A value as JSON has it, in one spelling: from the database and from a form, equal values are equal."""
    if isinstance(value, Model):
        return str(value.pk)
    if isinstance(value, str):
        return str(value).replace("\r\n", "\n")  # which browsers send at the end of a line
    if isinstance(value, bool | int) or value is None:
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        parts = [plain(part) for part in value]
        return sorted(parts) if any(isinstance(part, UUID) for part in value) else parts  # ids have no order
    return str(value)
