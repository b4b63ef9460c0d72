"""HTTP client of a worker at the edge: the installation's public host, the key, tokens, error handling."""

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

from facetrack.core.addresses.loopback import is_loopback
from workers.process.clients.fleet_client import Unavailable, WorkerRejected

PATIENCE = 2.0, 4.0
"""Seconds to connect, and to wait for an answer. Together they are shorter than the rest of a lease after a
failed renewal."""
MAX_CONNECTIONS = 64
MAX_ANSWER = 100_000_000
"""Bytes: the templates of 30,000 members of staff."""
PIECE = 1 << 16
RETRY_SECONDS = 0.5
"""Seconds after a failed request for a token, during which other threads do not try."""
USED_OF_TOKEN = 0.8
"""Part of a token's life after which it is replaced."""
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
"""Statuses that mean something for the request; the caller handles them."""
PROBLEM = "application/problem+json"

_Found = TypeVar("_Found")


def checked_server(address: str, *, plain: bool) -> str:
    """The origin that `address` names, such as https://faces.example.com. `plain` allows http to this
    machine. Raises ValueError."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"--server '{address}' is not an address") from None
    if not host or parts.username or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("--server must be scheme and host only, such as https://faces.example.com")
    if parts.scheme != "https" and not (plain and parts.scheme == "http" and is_loopback(host)):
        raise ValueError("--server must begin with https: a key must not be sent unencrypted")
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}" + (f":{port}" if port else "")


@dataclass(frozen=True, slots=True)
class Reply:
    """`body` is the answer, or a problem's details if the status is 400 or more."""

    status: int
    body: dict[str, Any]

    @property
    def detail(self) -> str:
        """A problem as text, with the refused fields."""
        errors = self.body.get("errors") or {}
        found = [f"{field}: {' '.join(map(str, said))}" for field, said in errors.items()]
        return " ".join([str(self.body.get("detail", "")), *found])


def required(reply: Reply) -> Reply:
    """Raises Unavailable for a refusal that the caller cannot handle."""
    if reply.status >= HTTPStatus.BAD_REQUEST:
        raise Unavailable(f"the server refused: {reply.detail}")
    return reply


def read(reply: Reply, of: Callable[[dict[str, Any]], _Found]) -> _Found:
    """Raises Unavailable if the answer is incomplete."""
    try:
        return of(reply.body)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unavailable("the server's answer is incomplete: does it run another version?") from None


class ApiClient:
    """Sends requests with a token, which it gets for the key and renews before it expires. For any thread."""

    def __init__(self, server: str, key: str, *, session: requests.Session | None = None) -> None:
        """`server` as `checked_server` returns it."""
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
        """Returns answers with 2xx or a status in TOLD. Raises Unavailable, and WorkerRejected if the key is
        not valid."""
        token = self._present_token()
        answer = self._sent(method, path, body, token, patience)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:  # the token expired early, or the key was revoked
            answer = self._sent(method, path, body, self._present_token(instead_of=token), patience)
        if _is_problem(answer) and answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise WorkerRejected(self._no_key())
        return self._reply(answer)

    def _present_token(self, *, instead_of: str = "") -> str:
        with self._lock:
            if self._token == instead_of or time.monotonic() >= self._until:
                if time.monotonic() < self._in_vain + RETRY_SECONDS:  # another thread tried just now
                    raise Unavailable(f"{self.server} did not issue a token")
                try:
                    self._exchange()
                except Unavailable:
                    self._in_vain = time.monotonic()
                    raise
            return self._token

    def _exchange(self) -> None:
        asked = time.monotonic()
        answer = self._sent("POST", "/api/v1/auth/key-token/", {"key": self._key}, "")
        if _is_problem(answer) and answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.BAD_REQUEST):
            raise WorkerRejected(self._no_key())
        reply = self._reply(answer)
        try:
            token = str(reply.body["access"])
            claims = jwt.decode(token, options={"verify_signature": False})
            lasts = float(claims["exp"]) - float(claims["iat"])
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError):
            raise Unavailable(
                f"{self.server} issues no token: is it the installation's public host?"
            ) from None
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
                allow_redirects=False,  # the key must not be sent to another host
                stream=True,
            ) as answer:
                self._take(answer)
                return answer
        except requests.exceptions.InvalidJSONError as error:
            raise ValueError(f"this cannot be encoded as JSON: {error}") from None
        except requests.exceptions.SSLError:
            raise Unavailable(f"this machine does not trust the certificate of {self.server}") from None
        except requests.RequestException as error:
            raise Unavailable(f"{self.server} cannot be reached ({type(error).__name__})") from None

    def _take(self, answer: requests.Response) -> None:
        """Read the body with a limit, which `requests` does not have. Raises Unavailable for a longer one."""
        body = bytearray()
        for piece in answer.iter_content(PIECE):
            body += piece
            if len(body) > MAX_ANSWER:
                raise Unavailable(f"{self.server} sends more than {MAX_ANSWER // 1_000_000} MB")
        answer._content = bytes(body)

    def _reply(self, answer: requests.Response) -> Reply:
        """Raises Unavailable if this is neither an answer nor a refusal of the API."""
        status = answer.status_code
        if status == HTTPStatus.NO_CONTENT:
            return Reply(status, {})
        told = _is_problem(answer) and status in TOLD
        if not told and status >= HTTPStatus.MULTIPLE_CHOICES:
            raise Unavailable(f"{self.server} answered with status {status}")
        try:
            body = answer.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Unavailable(f"the answer of {self.server} is not FaceTrack's")
        return Reply(status, body)

    def _no_key(self) -> str:
        return (
            f"{self.server} does not accept this worker's key: "
            "create a new one there with manage.py create_api_key --worker NAME."
        )


def _session() -> requests.Session:
    """With a connection pool for the threads of many cameras."""
    session = requests.Session()
    session.mount("https://", HTTPAdapter(pool_maxsize=MAX_CONNECTIONS))
    session.mount("http://", HTTPAdapter(pool_maxsize=MAX_CONNECTIONS))
    return session


def _is_problem(answer: requests.Response) -> bool:
    """Whether FaceTrack refused it, and not a proxy on the way."""
    return answer.headers.get("Content-Type", "").startswith(PROBLEM)
