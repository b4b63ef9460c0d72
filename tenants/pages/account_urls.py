"""Logging in and one's own account: the same addresses on every host.

allauth asks for its pages by the names that begin with `account_` and `mfa_`; there is none for signing up.
"""

from django.urls import path, re_path

from tenants.pages import account, login, password

urlpatterns = [
    path("login/", login.LoginPage.as_view(), name="account_login"),
    path("login/", login.LoginPage.as_view(), name="login"),
    path("login/code/", login.CodePage.as_view(), name="mfa_authenticate"),
    path("logout/", login.LogoutPage.as_view(), name="logout"),
    path("password/forgotten/", password.ForgottenPage.as_view(), name="account_reset_password"),
    path("password/sent/", password.ForgottenSentPage.as_view(), name="account_reset_password_done"),
    re_path(
        r"^password/new/(?P<uidb36>[0-9a-f]{32})-(?P<key>[\w-]{1,100})/$",
        password.NewPasswordPage.as_view(),
        name="account_reset_password_from_key",
    ),
    path("session/", account.session_state, name="session"),
    path("account/", account.AccountPage.as_view(), name="mfa_index"),
    path("account/", account.AccountPage.as_view(), name="account"),
    path("account/password/", password.ChangePasswordPage.as_view(), name="account_change_password"),
    path("account/confirm/", account.ConfirmPage.as_view(), name="account_reauthenticate"),
    path("account/confirm/code/", account.ConfirmCodePage.as_view(), name="mfa_reauthenticate"),
    path("account/second-factor/", account.SetUpPage.as_view(), name="mfa_activate_totp"),
    path("account/second-factor/off/", account.TurnOffPage.as_view(), name="mfa_deactivate_totp"),
    path("account/recovery-codes/", account.RecoveryCodesPage.as_view(), name="mfa_view_recovery_codes"),
    path(
        "account/recovery-codes/new/",
        account.NewRecoveryCodesPage.as_view(),
        name="mfa_generate_recovery_codes",
    ),
]
