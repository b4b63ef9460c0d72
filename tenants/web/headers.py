"""What browsers are told about our answers: what a page may load and do, and that no cache keeps it."""

from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONCE, NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.http.response import HttpResponseBase

Directives = dict[str, list[Any]]

PAGES: Directives = {
    "default-src": [NONE],
    "script-src": [SELF, NONCE],
    "style-src": [SELF, NONCE],
    "font-src": [SELF],
    "connect-src": [SELF],
    "img-src": [SELF, "blob:", "data:"],  # data: the picture that a camera was asked for
    "manifest-src": [SELF],
    "base-uri": [NONE],
    "form-action": [SELF],
    "frame-ancestors": [NONE],
    "object-src": [NONE],
}
ADMIN: Directives = PAGES | {
    # Unfold is made with Alpine.js, which compiles the expressions in templates and sets style attributes.
    "script-src": [SELF, NONCE, UNSAFE_EVAL],
    "style-src-attr": [UNSAFE_INLINE],
}
DOCS: Directives = PAGES | {
    "img-src": [SELF, "data:"],  # Swagger UI's own icons
}
ANSWERS: Directives = {
    "default-src": [NONE],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [NONE],
}
"""For answers that are not pages: JSON, pictures."""

PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        *("accelerometer", "autoplay", "browsing-topics", "camera", "display-capture"),
        *("encrypted-media", "geolocation", "gyroscope", "hid", "magnetometer", "microphone", "midi"),
        *("payment", "screen-wake-lock", "serial", "usb", "xr-spatial-tracking"),
    )
)


class HeadersMiddleware(CSPMiddleware):
    """A content security policy for each kind of answer, and headers that are the same for all."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Cache-Control", "no-store")
        if request.path_info.startswith(settings.STATIC_URL):
            return response  # our own files; a policy would be the one of the icons in them
        return super().process_response(request, response)

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        """What a view has set for itself (`csp.decorators`) comes on top."""
        parts = super().get_policy_parts(request, response, report_only)
        if not report_only and parts.config is None:
            parts.config = _policy(request, response)
        return parts


def _policy(request: HttpRequest, response: HttpResponseBase) -> Directives:
    if not response.headers.get("Content-Type", "").startswith("text/html"):
        return ANSWERS
    if request.path_info.startswith("/api/"):
        return _with_host(request, DOCS)
    return _with_host(request, ADMIN if request.path_info.startswith("/admin/") else PAGES)


def _with_host(request: HttpRequest, policy: Directives) -> Directives:
    return policy | {
        "connect-src": [*policy["connect-src"], *_socket_of(request)],
        "img-src": [*policy["img-src"], *_pictures()],
    }


def _socket_of(request: HttpRequest) -> list[str]:
    """The websocket of the same host, for browsers that do not take it for 'self'."""
    try:
        return [f"{'wss' if request.is_secure() else 'ws'}://{request.get_host()}"]
    except DisallowedHost:
        return []


def _pictures() -> list[str]:
    """Where pictures come from when they are not served by ourselves."""
    if not settings.S3_ENDPOINT_URL:
        return []
    parts = urlsplit(settings.S3_ENDPOINT_URL)
    return [f"{parts.scheme}://{parts.netloc}"]
