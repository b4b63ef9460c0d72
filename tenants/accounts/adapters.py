"""Adapters for allauth: how users log in, and how secrets are kept."""

import logging
from typing import Any
from uuid import UUID

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from facetrack.core.crypto import decrypt, encrypt
from tenants.access.addresses import client_address
from tenants.accounts import second_factor
from tenants.accounts.proofs import recently_proved
from tenants.models import User

log = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Logs in through `authenticate` only, and offers no sign-up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def login(self, request: HttpRequest, user: User) -> None:
        """Under a new session key. The backend is named because one that waited for its code has none."""
        user.backend = "tenants.auth.MembershipBackend"
        super().login(request, user)

    def set_password(self, user: User, password: str) -> None:
        """Saves the password only: an operator may have switched the account off since it was read."""
        user.set_password(password)
        user.save(update_fields=["password"])

    def reauthenticate(self, user: User, password: str) -> bool:
        found = authenticate(self.request, username=user.email, password=password)
        return found is not None and found.pk == user.pk

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """A user who gave a password or a code minutes ago is not asked again."""
        return not recently_proved(self.request)

    def is_safe_url(self, url: str) -> bool:
        """Only addresses of this host: another tenant's host is not a safe target."""
        return url_has_allowed_host_and_scheme(
            url, allowed_hosts={self.request.get_host()}, require_https=self.request.is_secure()
        )

    def is_ajax(self, request: HttpRequest) -> bool:
        return False  # the API has addresses of its own

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request)

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Suppresses allauth's messages: our pages have their own."""

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Tell users what was changed in their account. The change stands even if the mail is not sent."""
        try:
            super().send_notification_mail(*args, **kwargs)
        except OSError as error:
            log.warning("a notification could not be mailed: %s", type(error).__name__)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Encrypts the secrets. Keeps users from removing a factor that one of their organisations requires."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "cannot_delete_authenticator": "One of your organisations requires it. You cannot turn it off."
    }

    def encrypt(self, text: str) -> str:
        return encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(encrypted_text.encode()).decode()

    def can_delete_authenticator(self, authenticator: Any) -> bool:
        user_id: UUID = authenticator.user_id
        return not second_factor.required_of(user_id)

    def build_totp_svg(self, url: str) -> str:
        """A drawing without XML's first line, to be put into a page."""
        drawing: str = super().build_totp_svg(url)
        return drawing[drawing.index("<svg") :]
