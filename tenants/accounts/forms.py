"""Forms for logging in, for proofs and for a user's own account."""

import time
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import ChangePasswordForm as AllauthChangePasswordForm
from allauth.account.forms import ReauthenticateForm, ResetPasswordKeyForm, UserTokenForm
from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as ReauthenticateCodeForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import generate_totp_secret
from allauth.mfa.utils import decrypt, encrypt
from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.validators import MaxLengthValidator

from tenants.accounts.links import user_of_link
from tenants.accounts.second_factor import CODE_LENGTH, TooManyCodes, accept
from tenants.models import User
from tenants.rules.totp import step_of

EMAIL_LENGTH = 254
PASSWORD_LENGTH = 128
RULES_TEXT = "At least twelve characters. Not a common password, not your e-mail, not only digits."
PENDING_SECRET = "second_factor_secret"  # noqa: S105  a key of the session


class LoginForm(AuthenticationForm):
    """E-mail and password. A refusal says only that one of them is incorrect."""

    error_messages = {
        "invalid_login": "E-mail or password is incorrect. The password is case-sensitive.",
        "inactive": "",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self, {"password": "Password"})


class ForgottenForm(forms.Form):
    """Whose password is forgotten; any address is taken."""

    email = forms.EmailField(
        label="E-mail",
        max_length=EMAIL_LENGTH,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True}),
    )


class LinkForm(UserTokenForm):  # type: ignore[misc]
    """The two parts of a link in a mail; afterwards `reset_user` is whose it is."""

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = self.cleaned_data
        self.reset_user = user_of_link(values.get("uidb36", ""), values.get("key", ""))
        if self.reset_user is None:
            raise forms.ValidationError("This link was already used or has expired.")
        return values


class NewPasswordForm(ResetPasswordKeyForm):  # type: ignore[misc]
    """A password, twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self, {"password1": "New password", "password2": "New password again"})


class ChangePasswordForm(AllauthChangePasswordForm):  # type: ignore[misc]
    """The present password, and a new one, twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(
            self,
            {
                "oldpassword": "Present password",
                "password1": "New password",
                "password2": "New password again",
            },
        )

    def clean_oldpassword(self) -> str:
        """Counted like a password at the login, so that an open session does not allow guessing."""
        password: str = self.cleaned_data["oldpassword"]
        if not get_adapter().reauthenticate(self.user, password):
            raise forms.ValidationError("This is not your current password.")
        return password


class ConfirmForm(ReauthenticateForm):  # type: ignore[misc]
    """The password of a user who is logged in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self, {"password": "Password"})


class _Code:
    """The code of an app or a recovery code, checked the way the API does."""

    user: User
    cleaned_data: dict[str, Any]
    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self, {"code": "Code"})

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        try:
            self.authenticator = accept(context.request, self.user, code)
        except TooManyCodes as error:
            raise forms.ValidationError(str(error)) from None
        if self.authenticator is None:
            raise forms.ValidationError("This code is incorrect or was already used. Wait for the next one.")
        return code


class CodeForm(_Code, AuthenticateForm):  # type: ignore[misc]
    """The second step of logging in."""


class ConfirmCodeForm(_Code, ReauthenticateCodeForm):  # type: ignore[misc]
    """Proof of a user who is logged in."""


class SetUpForm(ActivateTOTPForm):  # type: ignore[misc]
    """The first code of a new app. Its secret waits in the session, encrypted, until the code is right."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.user = kwargs.pop("user")
        forms.Form.__init__(self, *args, **kwargs)
        session = context.request.session
        if not self.is_bound or PENDING_SECRET not in session:
            session[PENDING_SECRET] = encrypt(generate_totp_secret())
        self.secret = decrypt(session[PENDING_SECRET])
        _plain(self, {"code": "Code from the app"})

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if step_of(self.secret, code, now=time.time()) is None:
            raise forms.ValidationError("This is not the current code. Check the clock of your phone.")
        return code


def _plain(form: Any, labels: dict[str, str]) -> None:
    """Our labels instead of placeholders, and a limit for each input."""
    for name, label in labels.items():
        field = form.fields[name]
        limit = CODE_LENGTH if name == "code" else PASSWORD_LENGTH
        field.label, field.max_length = label, limit
        field.validators.append(MaxLengthValidator(limit))
        field.widget.attrs.pop("placeholder", None)
        field.widget.attrs["maxlength"] = limit
        if name == "code":
            field.widget.attrs |= {"inputmode": "numeric", "autofocus": True}
        else:
            field.help_text = RULES_TEXT if name == "password1" else ""
