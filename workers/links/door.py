"""The installation's public host, as a worker at the edge reaches it: a key, tokens, and what comes back."""

import ipaddress
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlsplit

import jwt
import requests
from requests.adapters import HTTPAdapter

from workers.links import Away, Refused

PATIENCE = 2.0, 4.0
"""Seconds to connect, and to wait for an answer: together shorter than what a lease leaves after a renewal
that failed."""
MOST_CONNECTIONS = 64
MAX_ANSWER = 100_000_000
"""Bytes: the templates of 30,000 members of staff."""
PIECE = 1 << 16
RETRY_SECONDS = 0.5
"""After a token was asked for in vain: the threads that waited for it need not all try themselves."""
USED_OF_TOKEN = 0.8
"""After this part of its life a token is replaced."""
TOLD = frozenset(
    {
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
        HTTPStatus.GONE,
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
"""Refusals that say something about what was asked; whoever asked knows what."""
PROBLEM = "application/problem+json"

_Found = TypeVar("_Found")


def checked_server(address: str, *, plain: bool) -> str:
    """The origin that `address` names, such as https://faces.example.com; `plain`: http to this very
    machine will do. Raises ValueError."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"--server '{address}' is no address") from None
    if not host or parts.username or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("--server takes scheme and host alone, such as https://faces.example.com")
    if parts.scheme != "https" and not (plain and parts.scheme == "http" and _is_this_machine(host)):
        raise ValueError("--server begins with https: a key must not travel in the open")
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}" + (f":{port}" if port else "")


@dataclass(frozen=True, slots=True)
class Reply:
    """`body` is what was asked for, or a problem's details where the status is 400 or more."""

    status: int
    body: dict[str, Any]

    @property
    def detail(self) -> str:
        """A problem in words, with the fields that were refused."""
        errors = self.body.get("errors") or {}
        found = [f"{field}: {' '.join(map(str, said))}" for field, said in errors.items()]
        return " ".join([str(self.body.get("detail", "")), *found])


def required(reply: Reply) -> Reply:
    """Raises Away for a refusal that nothing here can be done about."""
    if reply.status >= HTTPStatus.BAD_REQUEST:
        raise Away(f"the server refused: {reply.detail}")
    return reply


def read(reply: Reply, of: Callable[[dict[str, Any]], _Found]) -> _Found:
    """Raises Away where the answer lacks something."""
    try:
        return of(reply.body)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Away("the server's answer lacks something: is it of another version?") from None


class Door:
    """Asks with a token that it gets for the key, and gets anew before it ends. For any thread."""

    def __init__(self, server: str, key: str, *, session: requests.Session | None = None) -> None:
        """`server` as `checked_server` gives it."""
        self.server = server
        self._key, self._session = key, session or _session()
        self._lock = threading.Lock()
        self._token, self._until, self._in_vain = "", float("-inf"), float("-inf")

    def ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        patience: tuple[float, float] = PATIENCE,
    ) -> Reply:
        """Answers 2xx and what TOLD has. Raises Away, and Refused where the key does not count."""
        token = self._present_token()
        answer = self._sent(method, path, body, token, patience)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:  # ended before its time, or the key did
            answer = self._sent(method, path, body, self._present_token(instead_of=token), patience)
        if _is_problem(answer) and answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise Refused(self._no_key())
        return self._reply(answer)

    def _present_token(self, *, instead_of: str = "") -> str:
        with self._lock:
            if self._token == instead_of or time.monotonic() >= self._until:
                if time.monotonic() < self._in_vain + RETRY_SECONDS:  # by another thread, just now
                    raise Away(f"{self.server} has given no token")
                try:
                    self._exchange()
                except Away:
                    self._in_vain = time.monotonic()
                    raise
            return self._token

    def _exchange(self) -> None:
        asked = time.monotonic()
        answer = self._sent("POST", "/api/v1/auth/key-token/", {"key": self._key}, "")
        if _is_problem(answer) and answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.BAD_REQUEST):
            raise Refused(self._no_key())
        reply = self._reply(answer)
        try:
            token = str(reply.body["access"])
            claims = jwt.decode(token, options={"verify_signature": False})
            lasts = float(claims["exp"]) - float(claims["iat"])
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError):
            raise Away(f"{self.server} gives no token: is it the installation's public host?") from None
        self._token, self._until = token, asked + USED_OF_TOKEN * lasts

    def _sent(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        token: str,
        patience: tuple[float, float] = PATIENCE,
    ) -> requests.Response:
        def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
            if token:  # as `auth`, or requests would look for a login in ~/.netrc and send that
                request.headers["Authorization"] = f"Bearer {token}"
            return request

        try:
            with self._session.request(
                method,
                self.server + path,
                json=body,
                auth=sign,
                timeout=patience,
                allow_redirects=False,  # wherever it leads, the key is not for there
                stream=True,
            ) as answer:
                self._take(answer)
                return answer
        except requests.exceptions.InvalidJSONError as error:
            raise ValueError(f"this cannot be said in JSON: {error}") from None
        except requests.exceptions.SSLError:
            raise Away(f"the certificate of {self.server} is not one that this machine trusts") from None
        except requests.RequestException as error:
            raise Away(f"{self.server} cannot be reached ({type(error).__name__})") from None

    def _take(self, answer: requests.Response) -> None:
        """Read the body, which `requests` does without a limit. Raises Away for more than FaceTrack sends."""
        body = bytearray()
        for piece in answer.iter_content(PIECE):
            body += piece
            if len(body) > MAX_ANSWER:
                raise Away(f"{self.server} sends more than {MAX_ANSWER // 1_000_000} MB")
        answer._content = bytes(body)

    def _reply(self, answer: requests.Response) -> Reply:
        """Raises Away for what is neither an answer nor a refusal of the API's."""
        status = answer.status_code
        if status == HTTPStatus.NO_CONTENT:
            return Reply(status, {})
        told = _is_problem(answer) and status in TOLD
        if not told and status >= HTTPStatus.MULTIPLE_CHOICES:
            raise Away(f"{self.server} answered with status {status}")
        try:
            body = answer.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Away(f"{self.server} answered with something else than FaceTrack does")
        return Reply(status, body)

    def _no_key(self) -> str:
        return (
            f"{self.server} does not take this worker's key (any more): "
            "make a new one there with manage.py create_api_key --worker NAME."
        )


def _session() -> requests.Session:
    """With room for the threads of many cameras."""
    session = requests.Session()
    session.mount("https://", HTTPAdapter(pool_maxsize=MOST_CONNECTIONS))
    session.mount("http://", HTTPAdapter(pool_maxsize=MOST_CONNECTIONS))
    return session


def _is_problem(answer: requests.Response) -> bool:
    """Whether FaceTrack refused it, and not something on the way."""
    return answer.headers.get("Content-Type", "").startswith(PROBLEM)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
