"""Downloads a file over HTTP to a `.part` beside its place; a broken connection loses nothing received."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import requests

Progress = Callable[[int, int], None]
"""Called with the bytes received and the bytes expected."""

TIMEOUTS = (5.0, 30.0)
"""Seconds to connect, and without a byte while reading."""
CHUNK = 1 << 14  # an incomplete chunk is lost when the connection breaks

Codes = requests.codes


class RefusedError(Exception):
    """The server refuses the file; another try would not help."""


class BrokenOffError(Exception):
    """The download broke off; another try may resume it."""


def download(url: str, part: Path, limit: int, pauses: tuple[float, ...], progress: Progress) -> None:
    """Downloads `part` to its full length, at most `limit` bytes; retries after each of `pauses` (seconds).

    Raises RefusedError, BrokenOffError after the last try, and OSError when `part` cannot be written.
    """
    for pause in (*pauses, None):
        try:
            _receive(url, part, limit, progress)
        except BrokenOffError:
            if pause is None:
                raise
            time.sleep(pause)
        else:
            return


def _receive(url: str, part: Path, limit: int, progress: Progress) -> None:
    """One request, for the rest of `part`."""
    have = part.stat().st_size if part.exists() else 0
    if have > limit:
        part.unlink()
        have = 0
    with _answer(url, have) as response:
        if response.status_code == Codes.requested_range_not_satisfiable:
            if response.headers.get("Content-Range") == f"bytes */{have}":
                return  # everything had arrived, only the check was missing
            part.unlink()
            raise BrokenOffError("the part downloaded earlier did not belong to this file")
        if response.status_code != Codes.partial_content:
            have = 0  # a server without ranges sends everything again
        total = have + int(response.headers.get("Content-Length", limit - have))
        if total > limit:
            raise RefusedError(f"the server offers {total:,} bytes, at most {limit:,} are expected")
        with part.open("ab" if have else "wb") as stream:
            for chunk in _chunks(response):
                have += len(chunk)
                if have > limit:
                    part.unlink()
                    raise RefusedError(f"the server sent more than the expected {limit:,} bytes")
                stream.write(chunk)
                progress(have, total)


def _answer(url: str, have: int) -> requests.Response:
    """The start of a usable answer. Raises RefusedError and BrokenOffError."""
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        response = requests.get(url, headers=headers, stream=True, timeout=TIMEOUTS)
    except requests.RequestException as error:
        # No connection at the first try means no network: more tries would only delay the message.
        kind = BrokenOffError if have or isinstance(error, requests.ReadTimeout) else RefusedError
        raise kind(_reason(error)) from error
    code, fine = response.status_code, (Codes.ok, Codes.requested_range_not_satisfiable)
    piece = code == Codes.partial_content
    if code in fine or (piece and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")):
        return response
    response.close()
    if piece:
        raise RefusedError("the server sent another range than was requested")
    said = f"the server answers {code} {response.reason}"
    raise BrokenOffError(said) if code >= 500 or code == Codes.too_many_requests else RefusedError(said)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    try:
        yield from response.iter_content(CHUNK)
    except requests.RequestException as error:
        raise BrokenOffError("the connection broke off") from error


def _reason(error: requests.RequestException) -> str:
    """requests wraps errors three deep; users need the kind of error, once."""
    kinds: dict[type[Exception], str] = {
        requests.exceptions.SSLError: "its certificate is not trusted",
        requests.exceptions.ProxyError: "the proxy does not answer",
        requests.ConnectTimeout: f"no connection within {TIMEOUTS[0]:.0f} s",
        requests.Timeout: f"no answer within {TIMEOUTS[1]:.0f} s",
        requests.ConnectionError: "no connection",
    }
    return next((text for kind, text in kinds.items() if isinstance(error, kind)), str(error))
