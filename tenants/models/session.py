"""A browser that is logged in on one host."""

from importlib import import_module
from typing import cast

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models


class Session(AbstractBaseSession):
    """`tenant` is None on the installation's own host."""

    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, null=True, related_name="+")

    @classmethod
    def get_session_store_class(cls) -> type:
        return cast(type, import_module(settings.SESSION_ENGINE).SessionStore)
