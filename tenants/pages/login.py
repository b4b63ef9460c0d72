"""Logging in and out: e-mail and password, then a code where the account has a second factor."""

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from allauth.mfa.base.views import AuthenticateView
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpResponse

from tenants.accounts.forms import LoginForm


class LoginPage(LoginView):
    """`authenticate` decides (tenants.auth); allauth asks for the code and then logs in."""

    template_name = "login.html"
    form_class = LoginForm

    def form_valid(self, form: LoginForm) -> HttpResponse:  # type: ignore[override]
        login = Login(user=form.get_user(), redirect_url=self.get_success_url())
        answer: HttpResponse = perform_password_login(self.request, {}, login)
        return answer


class CodePage(AuthenticateView):  # type: ignore[misc]
    """For some minutes after the password."""

    template_name = "account/code.html"


class LogoutPage(LogoutView):
    pass
