"""A person who logs in: one account and one e-mail for the whole installation."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth import get_backends
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils.crypto import salted_hmac

from facetrack.core.text.fields import LineEmailField, LineField
from tenants.rules import plain_email


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Raises ValueError without a usable e-mail. Without a password the account cannot log in."""
        if not email:
            raise ValueError("an account needs an e-mail address")
        user = self.model(email=plain_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A `system_admin`: runs the installation from the public host, is a member of no tenant."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username or "")


class User(AbstractBaseUser, PermissionsMixin):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = LineEmailField("e-mail", unique=True)
    name = LineField(max_length=100, blank=True)
    is_staff = models.BooleanField("operator", default=False)
    is_active = models.BooleanField("may log in", default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    second_factor_at = models.DateTimeField("second factor since", null=True, editable=False)
    """When the authenticator app was set up; None without one."""

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ["email"]

    def __str__(self) -> str:
        return self.get_full_name()

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """What the role says. Django's superuser may do everything everywhere; no user may in a tenant."""
        return any(backend.has_perm(self, perm, obj) for backend in _with("has_perm"))

    def has_module_perms(self, app_label: str) -> bool:
        return any(backend.has_module_perms(self, app_label) for backend in _with("has_module_perms"))

    def _get_session_auth_hash(self, secret: str | bytes | None = None) -> str:
        """Of password and second factor: when either changes, all sessions begun before end."""
        since = self.second_factor_at.isoformat() if self.second_factor_at else ""
        return salted_hmac(
            "tenants.user.session", self.password + since, secret=secret, algorithm="sha256"
        ).hexdigest()

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.get_full_name()


def _with(question: str) -> list[Any]:
    """The backends that can be asked it; one of them only counts failures."""
    return [backend for backend in get_backends() if hasattr(backend, question)]
