"""Tokens: made for a member of the host's tenant, refused everywhere else."""

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import transaction
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.serializers import TokenObtainSerializer
from rest_framework_simplejwt.tokens import RefreshToken

from tenants import second_factor
from tenants.models import Tenant, User
from tenants.queries import active_tenant, role_of
from tenants.rules import Role

TOKEN_LENGTH = 4_000
_REFUSED = "No active account here has this e-mail and password."
_NO_FACTOR = "A second factor is required here by now. Log in again with one."
_FOREIGN = (
    "This token was made for another host, or for somebody who is no member here any more. Log in again."
)


class TenantTokenSerializer(TokenObtainSerializer):
    """E-mail and password in; access and refresh token with `tid` and `role` out."""

    default_error_messages = {"no_active_account": _REFUSED}
    access = serializers.CharField(read_only=True)
    refresh = serializers.CharField(read_only=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"] = serializers.CharField(max_length=254, write_only=True)
        self.fields["password"] = serializers.CharField(
            max_length=128, write_only=True, trim_whitespace=False
        )
        self.fields["code"] = serializers.CharField(
            max_length=second_factor.CODE_LENGTH,
            write_only=True,
            required=False,
            help_text="of the authenticator app, or a recovery code, for an account with a second factor",
        )

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        super().validate(attrs)
        tenant, user = active_tenant(), self.user
        role = role_of(user, tenant)
        if user is None or role is None:  # answered like a wrong password: membership is nobody's business
            raise AuthenticationFailed(_REFUSED, "no_active_account")
        second_factor.check(user, tenant, attrs.get("code", ""))
        user_logged_in.send(User, request=self.context["request"], user=user)
        return _pair(RefreshToken.for_user(user), tenant, role)


class TenantRefreshSerializer(serializers.Serializer[Any]):
    """A refresh token works once, on its own tenant's host and while the membership lasts."""

    refresh = serializers.CharField(max_length=TOKEN_LENGTH)
    access = serializers.CharField(read_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        tenant = active_tenant()
        token, role = _own(attrs["refresh"], tenant)
        with transaction.atomic():
            _use_up(token)
            token.set_jti()
            token.set_exp()
            token.set_iat()
            pair = _pair(token, tenant, role)
            token.outstand()
        return pair


class LogoutSerializer(serializers.Serializer[Any]):
    """A refresh token that shall work no more."""

    refresh = serializers.CharField(max_length=TOKEN_LENGTH, write_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        token, _ = _own(attrs["refresh"], active_tenant())
        _use_up(token)
        user = User.objects.get(pk=token["user_id"])
        user_logged_out.send(User, request=self.context["request"], user=user)
        return {}


def _own(text: str, tenant: Tenant) -> tuple[RefreshToken, Role]:
    """The refresh token and what its user is here today. Raises TokenError, AuthenticationFailed."""
    token = RefreshToken(text)  # type: ignore[arg-type]  # its annotation is wrong, its code takes text
    user = User.objects.filter(pk=token["user_id"]).first()
    role = role_of(user, tenant)
    if user is None or token.get("tid") != str(tenant.pk) or role is None:
        raise AuthenticationFailed(_FOREIGN, "wrong_tenant")
    if second_factor.missing(user, tenant):
        raise AuthenticationFailed(_NO_FACTOR, "second_factor")
    return token, role


def _use_up(token: RefreshToken) -> None:
    """Raises TokenError where another request was first: of two that race only one gets a new token."""
    found_or_made: Any = token.blacklist()  # its annotation forgets that it returns what get_or_create does
    _, first = found_or_made
    if not first:
        raise TokenError("Token is blacklisted")


def _pair(token: RefreshToken, tenant: Tenant, role: Role) -> dict[str, str]:
    token["tid"], token["role"] = str(tenant.pk), role.value
    return {"refresh": str(token), "access": str(token.access_token)}
