"""Getting, renewing and ending tokens."""

from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in, user_logged_out
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.access.addresses import client_address
from tenants.access.rights import Access, member_access
from tenants.accounts import second_factor
from tenants.accounts.lockout import seconds_left
from tenants.credentials.actions import exchange, log_in, log_out, renew
from tenants.credentials.refusal import CredentialRefused
from tenants.models import TokenFamily, User
from tenants.queries import active_tenant
from tenants.rest.authentication import CHALLENGE, checked_key, refuse
from tenants.rest.resources.tokens import (
    ExchangeSerializer,
    LoginSerializer,
    LogoutSerializer,
    RefreshSerializer,
)
from tenants.rest.views import ApiView

_REFUSED = "E-mail or password is incorrect."


class CredentialView(ApiView, GenericAPIView[Any]):
    """For callers without access yet: what they send in the body is the proof."""

    authentication_classes = ()
    permission_classes = ()

    def get_authenticate_header(self, request: Request) -> str:
        return CHALLENGE

    def sent(self, request: Request) -> dict[str, Any]:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


class TokenView(CredentialView):
    """Exchanges e-mail and password for a pair of tokens.

    The access token works for minutes, the refresh token for a day.
    """

    serializer_class = LoginSerializer

    def post(self, request: Request) -> Response:
        sent = self.sent(request)
        try:
            access = _member(request, **sent)
        except AuthenticationFailed:
            if seconds := seconds_left(request._request, sent["email"]):
                raise Throttled(seconds, "Too many wrong passwords or codes for this account.") from None
            raise
        # Of the tokens' kind, not the user's: a session that comes with the request does not begin again.
        user_logged_in.send(TokenFamily, request=request._request, user=access.user)
        return Response(log_in(access=access, address=client_address(request)))


class RefreshView(CredentialView):
    """Exchanges a refresh token for a new pair. The old one stops working; using it twice ends both."""

    serializer_class = RefreshSerializer

    def post(self, request: Request) -> Response:
        text = self.sent(request)["refresh"]
        try:
            return Response(renew(text=text, tenant=active_tenant(), address=client_address(request)))
        except CredentialRefused as refusal:
            refuse(request, "refresh", refusal)


class LogoutView(CredentialView):
    """Logs out. The refresh token and all access tokens of the same login stop working."""

    serializer_class = LogoutSerializer
    answers = {"post": {204: None}}

    def post(self, request: Request) -> Response:
        text = self.sent(request)["refresh"]
        try:
            user_id = log_out(text=text, tenant=active_tenant(), address=client_address(request))
        except CredentialRefused as refusal:
            refuse(request, "refresh", refusal)
        if user := User.objects.filter(pk=user_id).first():
            user_logged_out.send(User, request=request._request, user=user)
        return Response(status=204)


class KeyTokenView(CredentialView):
    """Exchanges an API key for an access token (minutes) with the same rights. A worker's key does so on the
    installation's public host."""

    serializer_class = ExchangeSerializer

    def post(self, request: Request) -> Response:
        key, access = checked_key(request, self.sent(request)["key"])
        return Response({"access": exchange(key=key, access=access, address=client_address(request))})


def _member(request: Request, *, email: str, password: str, code: str = "") -> Access:
    """What an authenticated account may do here. Raises AuthenticationFailed, Throttled.

    Membership is not revealed: without one, the answer is that for a wrong password. Support access is for
    the pages, where its end is shown.
    """
    user = authenticate(request=request._request, username=email, password=password)
    access = member_access(user, active_tenant())
    if access is None or access.user is None or access.way == "support":
        raise AuthenticationFailed(_REFUSED, "no_active_account")
    second_factor.check(access.user, access.tenant, code)
    return access
