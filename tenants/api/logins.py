"""Getting, renewing and giving up tokens."""

from typing import Any, cast

from rest_framework import status
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.views import TokenViewBase

from tenants.api.tokens import LogoutSerializer, TenantRefreshSerializer, TenantTokenSerializer
from tenants.api.views import ApiView
from tenants.lockout import seconds_left


class TokenView(ApiView, TokenViewBase):
    """E-mail and password of a member become an access token (minutes) and a refresh token (a day)."""

    serializer_class = TenantTokenSerializer
    further_problems = ("429",)

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        try:
            return super().post(request, *args, **kwargs)
        except AuthenticationFailed:
            given = cast(dict[str, Any], request.data)  # as the serializer found
            if seconds := seconds_left(request, given["email"]):
                raise Throttled(seconds, "Too many wrong passwords or codes for this account.") from None
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
