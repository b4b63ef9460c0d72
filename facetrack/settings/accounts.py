"""Logins: passwords, lockout, second factor, sessions."""

from datetime import timedelta

from environs import validate

from facetrack.settings.base import env

AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # first: refuses locked-out users, whatever the password
    "tenants.auth.MembershipBackend",
]
PASSWORD_HASHERS = [
    "tenants.accounts.hashers.PatientArgon2PasswordHasher",
    "tenants.accounts.hashers.PatientPBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in {
        "UserAttributeSimilarityValidator": {"user_attributes": ("email", "name")},
        "MinimumLengthValidator": {"min_length": 12},
        "CommonPasswordValidator": {},
        "NumericPasswordValidator": {},
    }.items()
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600  # also of an invitation
FACETRACK_RESET_SECONDS = 3600
# Per tenant: invitations without an answer, and mails about invitations per hour.
FACETRACK_MAX_INVITATIONS: int = env.int("FACETRACK_MAX_INVITATIONS", 100, validate=validate.Range(min=1))
FACETRACK_INVITATION_MAILS: int = env.int("FACETRACK_INVITATION_MAILS", 60, validate=validate.Range(min=1))
# A page that shows live visits asks every minute, so an open dashboard is not idle.
SESSION_COOKIE_AGE = 60 * env.int("FACETRACK_SESSION_IDLE_MINUTES", 120, validate=validate.Range(min=5))
FACETRACK_SESSION_SECONDS: int = 3600 * env.int("FACETRACK_SESSION_HOURS", 12, validate=validate.Range(min=1))
# Number of proxies in front whose X-Forwarded-For is trusted; each adds the address that it saw.
FACETRACK_PROXIES: int = env.int("FACETRACK_PROXIES", 0, validate=validate.Range(min=0, max=10))

# Lockout: wrong passwords and codes for one e-mail from one device or address, counted in each tenant.
AXES_FAILURE_LIMIT: int = env.int("FACETRACK_LOGIN_FAILURES", 5, validate=validate.Range(min=1))
_lockout_minutes: int = env.int("FACETRACK_LOCKOUT_MINUTES", 15, validate=validate.Range(min=1))
AXES_COOLOFF_TIME = timedelta(minutes=_lockout_minutes)
# And per day: from all places together where the account has not logged in before; from one where it has.
FACETRACK_ACCOUNT_FAILURES: int = env.int(
    "FACETRACK_ACCOUNT_FAILURES", 50, validate=validate.Range(min=AXES_FAILURE_LIMIT)
)
AXES_HANDLER = "tenants.accounts.lockout.LockoutHandler"
AXES_CLIENT_IP_CALLABLE = "tenants.access.addresses.counted_address"
AXES_LOCKOUT_CALLABLE = "tenants.accounts.lockout.refusal"
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_ENABLE_ADMIN = AXES_VERBOSE = False
SILENCED_SYSTEM_CHECKS = ["axes.W002"]  # our middleware is a subclass of the expected one

# Second factor, changing and forgetting passwords: allauth's flows behind our pages.
ACCOUNT_ADAPTER = "tenants.accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]  # unused: there is no sign-up page
ACCOUNT_EMAIL_VERIFICATION = "none"  # a link in a mail proves the address
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "FaceTrack: "
ACCOUNT_AUTHENTICATED_LOGIN_REDIRECTS = False
ACCOUNT_LOGIN_TIMEOUT = 300  # from the password to the code
ACCOUNT_FORMS = {
    "reauthenticate": "tenants.accounts.forms.ConfirmForm",
    "user_token": "tenants.accounts.forms.LinkForm",
    "reset_password_from_key": "tenants.accounts.forms.NewPasswordForm",
    "change_password": "tenants.accounts.forms.ChangePasswordForm",
}
ACCOUNT_RATE_LIMITS = {
    "reset_password": "20/h/ip,3/h/key",
}
MFA_ADAPTER = "tenants.accounts.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "FaceTrack"
MFA_TOTP_TOLERANCE = 1  # phones' clocks differ; a code still works only once
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_FORMS = {
    "authenticate": "tenants.accounts.forms.CodeForm",
    "reauthenticate": "tenants.accounts.forms.ConfirmCodeForm",
    "activate_totp": "tenants.accounts.forms.SetUpForm",
}
FACETRACK_INSTALLATION_SECOND_FACTOR: bool = env.bool("FACETRACK_INSTALLATION_SECOND_FACTOR", False)
