"""Tokens: made for a member of the host's tenant, refused everywhere else."""

from typing import Any

from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.serializers import TokenObtainPairSerializer, TokenRefreshSerializer
from rest_framework_simplejwt.tokens import RefreshToken

from tenants.models import User
from tenants.queries import role_of

_REFUSED = "No active account here has this e-mail and password."


class TenantTokenSerializer(TokenObtainPairSerializer):  # type: ignore[misc]
    """E-mail and password in; access and refresh token with `tid` and `role` out."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        super().validate(attrs)
        request: Request = self.context["request"]
        role = role_of(self.user, request.tenant)
        if role is None:  # answered like a wrong password: membership is nobody's business
            raise AuthenticationFailed(_REFUSED, "no_active_account")
        token = RefreshToken.for_user(self.user)
        token["tid"], token["role"] = str(request.tenant.pk), role.value
        return {"refresh": str(token), "access": str(token.access_token)}


class TenantRefreshSerializer(TokenRefreshSerializer):  # type: ignore[misc]
    """A refresh token works on its own tenant's host and while the membership lasts."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        token, request = self.token_class(attrs["refresh"]), self.context["request"]
        user = User.objects.filter(pk=token.get("user_id")).first()
        if token.get("tid") != str(request.tenant.pk) or role_of(user, request.tenant) is None:
            raise AuthenticationFailed("This token was made for another host. Log in here to get one.", "wrong_tenant")
        return dict(super().validate(attrs))
