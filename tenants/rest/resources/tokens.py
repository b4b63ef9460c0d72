"""The serializers of the token endpoints."""

from rest_framework import serializers

from tenants.accounts.second_factor import CODE_LENGTH
from tenants.rest.serializers import StrictBody

TOKEN_LENGTH = 4_000
KEY_LENGTH = 100


class LoginSerializer(StrictBody):
    """E-mail and password of a member in; a pair of tokens out."""

    email = serializers.CharField(max_length=254, write_only=True)
    password = serializers.CharField(max_length=128, write_only=True, trim_whitespace=False)
    code = serializers.CharField(
        max_length=CODE_LENGTH,
        write_only=True,
        required=False,
        help_text="the code of the authenticator app, or a recovery code, if the account has a second factor",
    )
    access = serializers.CharField(read_only=True, help_text="Valid for 5 minutes.")
    refresh = serializers.CharField(read_only=True, help_text="Valid once, for one day.")


class RefreshSerializer(StrictBody):
    """A refresh token in, which is used up; a new pair out."""

    refresh = serializers.CharField(max_length=TOKEN_LENGTH)
    access = serializers.CharField(read_only=True, help_text="Works for 5 minutes.")


class LogoutSerializer(StrictBody):
    """A refresh token in; all tokens of its login stop working."""

    refresh = serializers.CharField(max_length=TOKEN_LENGTH, write_only=True)


class ExchangeSerializer(StrictBody):
    """An API key in; an access token with its rights out."""

    key = serializers.CharField(max_length=KEY_LENGTH, write_only=True)
    access = serializers.CharField(read_only=True, help_text="Valid for 5 minutes. Then repeat the exchange.")
