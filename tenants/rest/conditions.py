"""Conditional requests (RFC 9110, 13): the `ETag` of an object, and `If-Match`.

A tag is strong, as `If-Match` compares strongly. It covers what callers write. It does not cover what workers
report, such as the status of a camera, nor addresses of pictures, which are new in each answer. So it says
whether a change of the caller would undo that of another. It is no validator for caches: no answer is stored.
"""

import re

from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from tenants.rest.problems import PreconditionFailed

ETAG, IF_MATCH = "ETag", "If-Match"
MAX_LENGTH = 4_000
"""Characters of an `If-Match`."""
_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_LIST = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")
MALFORMED = (
    'If-Match takes the ETag of this object, as "0123abcd" with its quotes, several of them with commas '
    f"between, or *; at most {MAX_LENGTH:,} characters. Nothing was changed."
)


def etag(version: str) -> str:
    return f'"{version}"'


def require_match(request: Request, version: str, what: str) -> None:
    """Raises PreconditionFailed where `If-Match` names other versions only, ParseError where it is malformed.

    A weak tag names none (RFC 9110, 13.1.1). Without the header all is well.
    """
    text = request.headers.get(IF_MATCH)
    if text is None or text.strip(" \t") == "*":
        return
    if len(text) > MAX_LENGTH or not _LIST.fullmatch(text):
        raise ParseError(MALFORMED)
    if etag(version) not in re.findall(_TAG, text):
        raise PreconditionFailed(
            f"This {what} was changed since you loaded it, or your tag is not its ETag. Nothing was changed. "
            "Load it again, look at what is different, and send your change with the new ETag."
        )
