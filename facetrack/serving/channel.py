"""HTTP connections on which a request arrives in time or not at all."""

import json
from http import HTTPStatus
from typing import Any

from daphne.http_protocol import WebRequest
from django.conf import settings
from twisted.web.http import HTTPChannel

BODY_BYTES_A_SECOND = 10_000
"""Bytes a second: slower than any client that has something to send."""
MAX_DIGITS = 15
"""Digits of a Content-Length."""

WORDS = {
    408: "The request did not arrive in time. Send it again without pauses.",
    411: "Send the body with a Content-Length, not in chunks.",
    413: "The request is too large. Send less at once.",
    431: "A header line is too long. Delete this site's cookies, and try again.",
}


class Request(WebRequest):  # type: ignore[misc]
    """Daphne's own. Django parses forms; Twisted would do so first, whatever their size."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs, parsePOSTFormSubmission=False)


class Channel(HTTPChannel):  # type: ignore[misc]
    """One connection. Twisted's `timeOut` is for the time between requests, and restarts with each byte; the
    deadline is for all that is awaited, however slowly it arrives."""

    requestFactory = Request
    maxHeaders = 100
    abortTimeout = 5
    _deadline: Any = None
    in_work = False
    """Whether a request has arrived completely and is not answered yet."""

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
        """Python refuses to parse numbers of thousands of digits."""
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and len(value.strip()) > MAX_DIGITS:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return False
        return bool(super().headerReceived(line))

    def allHeadersReceived(self) -> None:
        """Before the body: it is refused unread if it has no length, or is too long."""
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
        if self._dataBuffer:  # the client sent a further request before this one was answered
            self._expect(settings.FACETRACK_REQUEST_SECONDS)
        super().requestDone(request)

    def connectionLost(self, reason: Any) -> None:
        self._expect(None)
        super().connectionLost(reason)

    def _expect(self, seconds: float | None) -> None:
        """All that is awaited must arrive within this many seconds from now."""
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.callLater(seconds, self._too_late)

    def _too_late(self) -> None:
        self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _refuse(self, status: HTTPStatus) -> None:
        """Send the reason and close the connection soon, even if the other end does not cooperate."""
        self._expect(None)
        if self.requests or status is not HTTPStatus.REQUEST_TIMEOUT:  # a silent client gets no answer
            self.transport.write(self._answer(status))
        self.timeoutConnection()

    def _answer(self, status: HTTPStatus) -> bytes:
        kind, body = "text/plain", WORDS[status]
        if getattr(self, "_path", b"").startswith(b"/api/"):
            kind = "application/problem+json"
            problem = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": body}
            body = json.dumps(problem | {"code": status.name.lower()})
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
