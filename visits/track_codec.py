"""A track's record as JSON values: the same for the spool of a worker and for its requests over HTTPS.

The picture is not part of it: it travels beside the record, as a file or as a field of its own.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args, get_type_hints

import msgspec
import numpy as np
from numpy.typing import NDArray

from facetrack.core.crypto import EMBEDDING_DIMENSION
from visits.track_facts import FIRST_DAY, LAST_DAY, SCHEMA_VERSION, Template, TrackFacts
from workers.recognition.types import Decision

TEMPLATE_BYTES = 4 * EMBEDDING_DIMENSION
NORM_TOLERANCE = 0.01
MAX_TEMPLATE_TEXT = 4 * -(-TEMPLATE_BYTES // 3)
TEMPLATE_SCHEMA = {
    "type": "string",
    "maxLength": MAX_TEMPLATE_TEXT,
    "description": f"{EMBEDDING_DIMENSION} numbers of 4 bytes, little-endian, of a vector of length 1.",
}
VERSIONS = range(1, SCHEMA_VERSION + 1)
"""The versions that can be read. Version 1 is what carries no version."""


class InvalidTrack(ValueError):
    """This is not the record of a track; `errors` says of each field what is wrong with it."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {said}" for name, said in errors.items()))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class TrackField:
    """A field of the record, as its declaration in TrackFacts says."""

    name: str
    of: Any
    """The declared type without None."""
    nullable: bool
    default: Any
    """`msgspec.NODEFAULT`: the field is required."""

    def value_of(self, data: object) -> Any:
        """The value that JSON holds. Raises ValueError, whose text says what was expected."""
        if data is None and self.nullable:
            return None
        return _checked(msgspec.convert(data, self.of, dec_hook=_from_json), _choices(self.of))

    def schema(self) -> dict[str, Any]:
        """Its JSON schema."""
        return msgspec.json.schema(self.of, schema_hook=lambda _: TEMPLATE_SCHEMA)


def _fields() -> dict[str, TrackField]:
    hints = get_type_hints(TrackFacts, include_extras=True)
    found = {}
    for one in msgspec.structs.fields(TrackFacts):
        kinds = [kind for kind in get_args(hints[one.name]) if kind is not type(None)]
        nullable = len(kinds) < len(get_args(hints[one.name]))
        found[one.name] = TrackField(
            one.name, kinds[0] if nullable else hints[one.name], nullable, one.default
        )
    del found["shot"]
    return found


FIELDS = _fields()
"""By name, without the picture."""


def encoded(facts: TrackFacts) -> dict[str, Any]:
    """The record as values that JSON has, without the picture."""
    values: dict[str, Any] = msgspec.to_builtins(facts, enc_hook=as_text)
    del values["shot"]
    return values


def decoded(values: Mapping[str, Any], *, shot: bytes | None) -> TrackFacts:
    """The record that `encoded` returned. Raises InvalidTrack."""
    errors = {str(name): "there is no such field" for name in values if name not in FIELDS}
    found: dict[str, Any] = {}
    for name, field in FIELDS.items():
        if name in values:
            try:
                found[name] = field.value_of(values[name])
            except ValueError as error:
                errors[name] = str(error)
        elif field.default is msgspec.NODEFAULT:
            errors[name] = "it is missing"
    if not errors and (missing := missing_template(found)):
        errors["template"] = missing
    if errors:
        raise InvalidTrack(errors)
    return TrackFacts(**found, shot=shot)


def missing_template(values: Mapping[str, Any]) -> str:
    """What is wrong with a record whose fields are right each by itself; empty if nothing is."""
    if values.get("template") is None and values["decision"] != Decision.REJECTED:
        return "Only a rejected track may omit the template."
    return ""


def as_text(floats: NDArray[np.float32]) -> str:
    """One row of 512 numbers or more: 4 bytes each, little-endian, in base64."""
    return b64encode(floats.astype("<f4").tobytes()).decode()


def template_from(text: object) -> Template:
    """(512,), of length 1. Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError(f"Expected a template in base64, got `{type(text).__name__}`")
    if len(text) > MAX_TEMPLATE_TEXT:
        raise ValueError(f"A template has at most {MAX_TEMPLATE_TEXT} characters, not {len(text)}.")
    try:
        raw = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("This is not valid base64.") from None
    if len(raw) != TEMPLATE_BYTES:
        raise ValueError(f"A template has {TEMPLATE_BYTES} bytes, not {len(raw)}.")
    template = np.frombuffer(raw, dtype="<f4").astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        length = float(np.linalg.norm(template))
    if not abs(length - 1.0) <= NORM_TOLERANCE:  # also true for NaN
        raise ValueError("A template must be a vector of length 1.")
    return template


def _from_json(_: type, data: object) -> Template:
    return template_from(data)


def _choices(of: Any) -> list[str]:
    metas = getattr(of, "__metadata__", ())
    return next((meta.extra["choices"] for meta in metas if meta.extra), [])


def _checked(value: Any, choices: list[str]) -> Any:
    """What a type cannot say. Raises ValueError."""
    if isinstance(value, datetime):
        if not FIRST_DAY <= value <= LAST_DAY:
            raise ValueError(f"Expected a time from {FIRST_DAY:%Y-%m-%d} to {LAST_DAY:%Y-%m-%d}")
        return value.astimezone(UTC)
    if isinstance(value, str):
        if choices and value not in choices:
            raise ValueError(f"Expected one of {', '.join(choices)}")
        if any(letter == "\x00" or "\ud800" <= letter <= "\udfff" for letter in value):
            raise ValueError("Null characters and lone surrogates are not allowed.")
    return value
