"""Who the user is and what their role in the host's tenant lets them do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.backends import ModelBackend
from django.db import connection
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from tenants.access.rights import Access, access_of, may_enter, remembered
from tenants.accounts import lockout
from tenants.accounts.invitations import AccountState, account_of
from tenants.models import Tenant, User
from tenants.queries import is_public, tenant_of
from tenants.rules import Role, has_any, may
from tenants.rules.keys import coarse_scopes

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which itself imports this module, named in the settings

_VERB_OF_METHOD = {"POST": "add", "PUT": "change", "PATCH": "change", "DELETE": "delete"}


class MembershipBackend(ModelBackend):
    """E-mail and password; permissions come from the role alone: in a tenant, or of the installation."""

    def authenticate(
        self,
        request: Any,
        username: str | None = None,
        password: str | None = None,
        invited: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """The user, if they may log in on the request's host. All others are refused alike, after one hash.

        `invited` is the address that an invitation to this host is for, whose link was shown: its account
        may be a member elsewhere only.
        """
        if invited is not None:
            account, found = account_of(invited)
            right = found is not None and found.check_password(password or "")
            user = found if right and account is AccountState.KNOWN else None
        else:
            known = super().authenticate(request, username, password, **kwargs)
            user = known if isinstance(known, User) and may_enter(known, tenant_of(request)) else None
        if user is not None:
            lockout.was_right(request)
        return user

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        role = _role(user_obj)
        return role is not None and may(role, perm)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        role = _role(user_obj)
        return role is not None and has_any(role, app_label)


class RolePermission(BasePermission):
    """Members only, with what the table in `tenants.rules` gives the role.

    A view names a `permission` of its own, or is about rows of an app: reading them takes `view`,
    writing them the method's verb.
    """

    message = "Your role does not allow this. Ask an administrator of your organisation."
    code = "permission_denied"

    def has_permission(self, request: Request, view: APIView) -> bool:
        access = access_of(request)
        needed = None if access is None else _needed(request, view)
        if access is None or needed is None:
            return False
        if not needed or access.may(needed):
            return True
        if access.scopes is not None:
            self._explain(access, needed)
        return False

    def _explain(self, access: Access, needed: str) -> None:
        """Says what a key lacks: the scope, or a role that has the right at all."""
        if may(access.role, needed):
            scopes = " or ".join([*coarse_scopes(needed), needed])
            self.message, self.code = f"This key lacks the scope {scopes}.", "scope_missing"
        else:
            role = access.role.label.lower()
            self.message = f"The role of this key, {role}, does not allow {needed}, whatever its scopes."


def _needed(request: Request, view: APIView) -> str | None:
    """The permission that the request takes: empty for any member, None for a request that none may make."""
    if permission := getattr(view, "permission", None):
        return str(permission)
    rows = getattr(view, "queryset", None)
    model = None if rows is None else rows.model._meta
    app = getattr(view, "app_label", None) or (model and model.app_label)
    name = model.model_name if model else "any"
    if request.method in SAFE_METHODS:
        return f"{app}.view_{name}" if app else ""
    verb = getattr(view, "verb", None) or _VERB_OF_METHOD.get(request.method or "")
    return f"{app}.{verb}_{name}" if verb and app else None


def _role(user: Any) -> Role | None:
    """The user's role on the connection's host."""
    tenant = cast(Any, connection).tenant
    if not isinstance(tenant, Tenant):  # inside `installation()`: no particular user acts there
        return None
    if not is_public(tenant):
        access = remembered(user, tenant)
        return access.role if access else None
    return Role.SYSTEM_ADMIN if getattr(user, "is_staff", False) and user.is_active else None
