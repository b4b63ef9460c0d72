"""Parsers of request bodies."""

import codecs
import json
import math
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.utils.json import strict_constant

DIGITS = 18
"""No whole number of ours is longer; Python turns thousands of digits into a float with an OverflowError."""


class StrictJSONParser(JSONParser):
    """JSON as RFC 8259 has it, with numbers that 64 bits hold. Raises ParseError for everything else."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        text = codecs.getreader(settings.DEFAULT_CHARSET)(stream)
        try:
            return json.load(
                text,
                parse_constant=strict_constant,
                parse_int=_whole,
                parse_float=_finite,
                object_pairs_hook=_once,
            )
        except ValueError as error:
            raise ParseError(f"The body is not valid JSON: {error}") from None
        except RecursionError:
            raise ParseError("The JSON in the body is nested too deeply.") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two values of one name, one program believes the first and another the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is given twice")
    return found


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > DIGITS:
        raise ValueError(f"a number has more than {DIGITS} digits")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number
