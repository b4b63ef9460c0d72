"""Where a request comes from."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The address of whoever sent the request.

    Behind `FACETRACK_PROXIES` proxies it is the one that the outermost of them saw, counted from the end of
    X-Forwarded-For: what stands before it was written by the client. A header that is too short, or that
    holds no address there, did not come through all of them; then it is the peer's own.
    """
    peer = str(request.META.get("REMOTE_ADDR") or "")
    proxies: int = settings.FACETRACK_PROXIES
    if not proxies:
        return peer
    forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    try:
        return str(ip_address(forwarded[-proxies]))
    except (IndexError, ValueError):
        return peer
