"""Addresses of our own hosts, for links in mails and forms: as configured, never from a header."""

from django.conf import settings
from django.http import HttpRequest

from tenants.models import Tenant
from tenants.queries import host_of


def origin_of(tenant: Tenant, request: HttpRequest) -> str:
    """Where a tenant is, such as `https://acme.example.com`. Raises Http404 for one without a host.

    Of a tenant other than the request's to be asked inside `installation()`.
    """
    return origin_at(host_of(tenant), request)


def origin_at(host: str, request: HttpRequest) -> str:
    """Scheme, host and, where it is not the scheme's own, port.

    The port is `FACETRACK_PUBLIC_PORT`; without it, 443 behind TLS, else the one at which this server
    listens. What the client says in its Host header has no part in it.
    """
    scheme, usual = ("https", 443) if settings.BEHIND_TLS else ("http", 80)
    port = settings.FACETRACK_PUBLIC_PORT or (usual if settings.BEHIND_TLS else _listening(request))
    return f"{scheme}://{host}" + ("" if port in (0, usual) else f":{port}")


def _listening(request: HttpRequest) -> int:
    port = str(request.META.get("SERVER_PORT", ""))
    return int(port) if port.isascii() and port.isdigit() else 0
