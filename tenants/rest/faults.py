"""The faults of a request, each with its place and a code: what `faults` of a problem lists."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from django.core.exceptions import NON_FIELD_ERRORS
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.settings import api_settings

Place = Literal["pointer", "parameter"]
Path = tuple[str | int, ...]

WHOLE = (NON_FIELD_ERRORS, api_settings.NON_FIELD_ERRORS_KEY)
"""Keys of faults of the whole body, not of one field."""
UNKNOWN, READ_ONLY, REPEATED = "unknown", "read_only", "repeated"
NO_SUCH_FIELD = "There is no such field."
IS_READ_ONLY = "This field is read-only: leave it out."


class InvalidParameters(ValidationError):
    """Some parameters of the address, or headers, were refused; none of the body."""

    detail: dict[str, Any]


def faults_of(detail: Any, place: Place) -> list[dict[str, str]]:
    """DRF's tree of messages as a list: `detail`, `code`, and `pointer` (RFC 6901) or `parameter`.

    The pointer is empty for the whole body.
    """
    return [
        {place: _named(path, place), "code": code, "detail": text} for path, text, code in _leaves(detail, ())
    ]


def errors_of(detail: Any) -> dict[str, list[str]]:
    """The same by the name of the outermost field, without codes."""
    found: dict[str, list[str]] = {}
    for path, text, _ in _leaves(detail, ()):
        found.setdefault(str(path[0]) if path else api_settings.NON_FIELD_ERRORS_KEY, []).append(text)
    return found


def refused_names(data: Any, fields: Mapping[str, Any]) -> dict[str, list[ErrorDetail]]:
    """The names in a body that no caller may set: unknown ones, and those of read-only fields."""
    if not isinstance(data, Mapping):
        return {}
    refused = {}
    for name in data:
        if name not in fields:
            refused[str(name)] = [ErrorDetail(NO_SUCH_FIELD, UNKNOWN)]
        elif fields[name].read_only:
            refused[str(name)] = [ErrorDetail(IS_READ_ONLY, READ_ONLY)]
    return refused


def _leaves(found: Any, path: Path) -> Iterator[tuple[Path, str, str]]:
    if isinstance(found, Mapping):
        for name, part in found.items():
            yield from _leaves(part, path if name in WHOLE else (*path, name))
    elif isinstance(found, (list, tuple)):
        for number, part in enumerate(found):
            # An item's own faults are a dict or a list; messages about the same value stand side by side.
            yield from _leaves(part, (*path, number) if isinstance(part, (Mapping, list)) else path)
    else:
        yield path, str(found), getattr(found, "code", None) or "invalid"


def _named(path: Path, place: Place) -> str:
    if place == "parameter":
        return str(path[0]) if path else ""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
