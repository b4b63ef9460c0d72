"""HTTP connections on which a request comes in time or not at all."""

import json
from http import HTTPStatus
from typing import Any

from daphne.http_protocol import WebRequest
from django.conf import settings
from twisted.web.http import HTTPChannel

BODY_BYTES_A_SECOND = 10_000
"""Slower than any client that has something to send."""
MAX_DIGITS = 15
"""Of a Content-Length."""

WORDS = {
    408: "The request did not come in time. Send it again, at once.",
    411: "Send the body with a Content-Length, not in chunks.",
    413: "That is too large. Send less at once.",
    431: "A line of the headers is too long. Delete this site's cookies, and try again.",
}


class Request(WebRequest):  # type: ignore[misc]
    """Daphne's own. Django parses forms; Twisted would do so before it, whatever their size."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs, parsePOSTFormSubmission=False)


class Channel(HTTPChannel):  # type: ignore[misc]
    """One connection. Twisted's `timeOut` is for the time between requests, and begins again with each byte;
    the deadline is for the whole of what is awaited, however it trickles."""

    requestFactory = Request
    maxHeaders = 100
    abortTimeout = 5
    _deadline: Any = None
    in_work = False
    """Whether a request has come in whole and is not answered yet."""

    def connectionMade(self) -> None:
        super().connectionMade()
        self._expect(settings.FACETRACK_REQUEST_SECONDS)

    def dataReceived(self, data: bytes) -> None:
        if self._deadline is None and not self.in_work:
            self._expect(settings.FACETRACK_REQUEST_SECONDS)
        super().dataReceived(data)

    def lineLengthExceeded(self, line: bytes) -> None:
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def headerReceived(self, line: bytes) -> bool:
        """Python reads no number of thousands of digits."""
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and len(value.strip()) > MAX_DIGITS:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return False
        return bool(super().headerReceived(line))

    def allHeadersReceived(self) -> None:
        """The body's turn: refused unread where it has no length, or too much of it."""
        if self.length is None:
            self._refuse(HTTPStatus.LENGTH_REQUIRED)
        elif self.length > max_body():
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            self._expect(settings.FACETRACK_REQUEST_SECONDS + self.length / BODY_BYTES_A_SECOND)
            super().allHeadersReceived()

    def allContentReceived(self) -> None:
        self._expect(None)
        self.in_work = True
        super().allContentReceived()

    def requestDone(self, request: Any) -> None:
        self.in_work = False
        if self._dataBuffer:  # a request that was sent before this one was answered
            self._expect(settings.FACETRACK_REQUEST_SECONDS)
        super().requestDone(request)

    def connectionLost(self, reason: Any) -> None:
        self._expect(None)
        super().connectionLost(reason)

    def _expect(self, seconds: float | None) -> None:
        """Within so many seconds from now the whole of what is awaited has to be there."""
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.callLater(seconds, self._too_late)

    def _too_late(self) -> None:
        self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _refuse(self, status: HTTPStatus) -> None:
        """Say why, and end the connection, soon even where the other end does not take part in that."""
        self._expect(None)
        if self.requests or status is not HTTPStatus.REQUEST_TIMEOUT:  # to silence there is nothing to say
            self.transport.write(self._answer(status))
        self.timeoutConnection()

    def _answer(self, status: HTTPStatus) -> bytes:
        kind, body = "text/plain", WORDS[status]
        if getattr(self, "_path", b"").startswith(b"/api/"):
            kind = "application/problem+json"
            body = json.dumps(
                {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": body}
            )
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}",
            f"Content-Type: {kind}",
            f"Content-Length: {len(body)}",
            "Connection: close",
        )
        return "\r\n".join([*head, "", body]).encode()


def max_body() -> int:
    """Bytes of the largest body: all pictures of a form, and its fields."""
    files: int = settings.DATA_UPLOAD_MAX_NUMBER_FILES
    return (files + 1) * int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
