"""Passwords: forgotten, chosen out of a mail, changed."""

import logging
from typing import Any

from allauth.account.views import PasswordChangeView, PasswordResetFromKeyView, PasswordResetView
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse_lazy
from django.views.generic import TemplateView

from tenants.accounts import lockout
from tenants.accounts.forms import ForgottenForm
from tenants.accounts.mail import send_reset

log = logging.getLogger(__name__)


class ForgottenPage(PasswordResetView):  # type: ignore[misc]
    """Says the same for every address, and takes as long."""

    template_name = "account/forgotten.html"
    form_class = ForgottenForm

    def form_valid(self, form: ForgottenForm) -> HttpResponse:
        form.save = self._send  # type: ignore[attr-defined]
        try:
            answer: HttpResponse = super().form_valid(form)
        except OSError as error:
            log.warning("a mail could not be sent: %s", type(error).__name__)
            form.add_error(None, "The mail could not be sent. Try again later, or ask an administrator.")
            return self.form_invalid(form)  # type: ignore[no-any-return]
        return answer

    def _send(self, request: HttpRequest) -> None:
        send_reset(self.get_form().cleaned_data["email"], request)


class ForgottenSentPage(TemplateView):
    template_name = "account/forgotten_sent.html"


class NewPasswordPage(PasswordResetFromKeyView):  # type: ignore[misc]
    """Where the link of a mail leads. Logging in comes after it, with the second factor if there is one."""

    template_name = "account/new_password.html"
    success_url = reverse_lazy("login")

    def form_valid(self, form: Any) -> HttpResponse:
        answer: HttpResponse = super().form_valid(form)
        lockout.lift(self.request, self.reset_user)
        messages.success(self.request, "Password set. Log in with it.")
        return answer


class ChangePasswordPage(PasswordChangeView):  # type: ignore[misc]
    """Sessions on other devices end with the old password; this one goes on."""

    template_name = "account/password.html"
    success_url = reverse_lazy("account")

    def form_valid(self, form: Any) -> HttpResponse:
        answer: HttpResponse = super().form_valid(form)
        messages.success(self.request, "Password changed. You are logged out everywhere else.")
        return answer
