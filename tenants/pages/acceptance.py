"""What an invited person types to accept: the password of their account, or one for a new account."""

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password

from tenants.accounts.forms import PASSWORD_LENGTH, RULES_TEXT
from tenants.accounts.second_factor import CODE_LENGTH
from tenants.models import User


def _password(label: str, *, new: bool, help_text: str = "") -> forms.CharField:
    autocomplete = "new-password" if new else "current-password"
    return forms.CharField(
        label=label,
        max_length=PASSWORD_LENGTH,
        strip=False,
        help_text=help_text,
        widget=forms.PasswordInput(attrs={"autocomplete": autocomplete}),
    )


class SignInForm(forms.Form):
    """The password, and the code of an account with a second factor."""

    password = _password("Password of your account", new=False)
    code = forms.CharField(
        label="Code",
        required=False,
        max_length=CODE_LENGTH,
        help_text="Only if your account has a second factor.",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)


class ChooseForm(forms.Form):
    """A password, twice, by the rules for all of them."""

    password1 = _password("Password", new=True, help_text=RULES_TEXT)
    password2 = _password("Password again", new=True)

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._email = email

    def clean_password1(self) -> str:
        password: str = self.cleaned_data["password1"]
        validate_password(password, User(email=self._email))
        return password

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        first = values.get("password1")
        if first is not None and first != values.get("password2"):
            self.add_error("password2", "The two passwords are not the same.")
        return values
