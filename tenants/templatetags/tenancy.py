"""Where the user is and where else they can go, on every page."""

from typing import Any

from django import template
from django.http import HttpRequest
from django.utils import timezone

from tenants.access.rights import Access, access_of
from tenants.isolation.context import installation
from tenants.models import Tenant, User
from tenants.queries import open_to, tenant_of

register = template.Library()

MENU_ROWS = 10


@register.simple_tag(takes_context=True)
def other_tenants(context: dict[str, Any]) -> list[Tenant]:
    """The first customers of the menu that leads to them; one more than MENU_ROWS where there are more."""
    request: HttpRequest = context["request"]
    user, here = request.user, tenant_of(request)
    if not isinstance(user, User):
        return []
    with installation():
        return list(open_to(user, timezone.now()).exclude(pk=here.pk)[: MENU_ROWS + 1])


@register.simple_tag(takes_context=True)
def support_here(context: dict[str, Any]) -> Access | None:
    """The support access through which the user looks; None for members."""
    access = access_of(context["request"])
    return access if access is not None and access.way == "support" else None
