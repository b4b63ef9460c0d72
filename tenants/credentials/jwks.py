"""The public halves of the keys that sign tokens, for services that verify one."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from tenants.credentials.tokens import ring


@require_safe
@cache_control(public=True, max_age=300)
def jwks(request: HttpRequest) -> JsonResponse:
    """The public keys as RFC 7517 wants them. A client that meets an unknown `kid` fetches them again."""
    keys = {"keys": [key.jwk for key in ring().live()]}
    return JsonResponse(keys, content_type="application/jwk-set+json")
