"""Which pages may open a websocket here."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import SplitResult, urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import validate_host

Scope = dict[str, Any]
App = Callable[[Scope, Callable[..., Any], Callable[..., Any]], Awaitable[None]]


class SameOrigin:
    """ASGI middleware: a page opens a socket to its own host only; a cookie without an Origin opens none.

    Browsers send the session's cookie from any page and always name the page's origin. One that is merely
    served by this installation will not do: it may be another customer's.
    """

    def __init__(self, app: App) -> None:
        self.app, self.refusal = app, WebsocketDenier()

    async def __call__(self, scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        admitted = may_connect(headers.get(b"host", ""), headers.get(b"origin"), cookie=b"cookie" in headers)
        await (self.app if admitted else self.refusal)(scope, receive, send)


def may_connect(host: str, origin: str | None, *, cookie: bool) -> bool:
    """Whether the page at `origin` may open a socket at `host`; both as the headers have them."""
    here = _parts(f"//{host}")
    if here is None or not validate_host(here.hostname or "", settings.ALLOWED_HOSTS):
        return False
    if origin is None:
        return not cookie
    page = _parts(origin)
    if page is None or page.hostname != here.hostname or page.scheme not in ("http", "https"):
        return False
    if origin in settings.CSRF_TRUSTED_ORIGINS:  # as a proxy is known that tells us another port
        return True
    if settings.BEHIND_TLS and page.scheme != "https":
        return False
    usual = 443 if page.scheme == "https" else 80
    return (page.port or usual) == (here.port or usual)


def _parts(url: str) -> SplitResult | None:
    """None for what is no URL with a host."""
    try:
        parts = urlsplit(url)
        return parts if parts.hostname and (parts.port or 1) > 0 and "@" not in parts.netloc else None
    except ValueError:
        return None
