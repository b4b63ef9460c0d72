"""Getting, renewing and giving up tokens."""

import hashlib
from typing import Any

from django.core.cache import cache
from rest_framework import status
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.views import TokenViewBase

from tenants.api.tokens import LogoutSerializer, TenantRefreshSerializer, TenantTokenSerializer
from tenants.api.views import ApiView
from tenants.queries import active_tenant

FAILURES = 10
WINDOW_SECONDS = 60


class TokenView(ApiView, TokenViewBase):
    """E-mail and password of a member become an access token (minutes) and a refresh token (a day)."""

    serializer_class = TenantTokenSerializer

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = _key(request)
        if cache.get(key, 0) >= FAILURES:
            raise Throttled(WINDOW_SECONDS, "Too many wrong passwords for this account.")
        try:
            return super().post(request, *args, **kwargs)
        except AuthenticationFailed:
            _count(key)
            raise


class RefreshView(ApiView, TokenViewBase):
    """A refresh token becomes a new pair; the old one works no more."""

    serializer_class = TenantRefreshSerializer


class LogoutView(ApiView, TokenViewBase):
    """The refresh token works no more; access tokens made of it run out within minutes."""

    serializer_class = LogoutSerializer
    answers = {"post": {204: None}}

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        super().post(request, *args, **kwargs)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _key(request: Request) -> str:
    """Names one account from one address, so that nobody locks out somebody elsewhere."""
    given = request.data.get("email") if isinstance(request.data, dict) else None
    name = f"{given}".strip().lower().encode(errors="replace")
    digest = hashlib.sha256(name + request.META["REMOTE_ADDR"].encode()).hexdigest()
    return f"failed-logins.{active_tenant().pk}.{digest}"


def _count(key: str) -> None:
    cache.add(key, 0, WINDOW_SECONDS)
    try:
        cache.incr(key)
    except ValueError:  # the window ended between the two
        cache.add(key, 1, WINDOW_SECONDS)
