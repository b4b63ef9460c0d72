"""The OpenAPI schema."""

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from tenants.rest.problems import PROBLEM_TYPE, ProblemSerializer

CONDITIONAL = ("retrieve", "partial_update", "destroy")
"""What honours `If-Match` (see `tenants.rest.conditions`)."""
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag of the object as you loaded it. If the object was changed since, nothing is done "
    "(412). Several tags with commas between, or `*` for any. Without it, your change is made to what the "
    "object is now. Only the fields that you send are changed.",
)
ETAG = OpenApiParameter(
    "ETag",
    str,
    OpenApiParameter.HEADER,
    required=True,
    response=[200],
    description="The object's version, for `If-Match`. It changes with what callers write, not with what "
    "workers report.",
)


class ApiSchema(AutoSchema):
    """What spectacular finds by itself, and the problems that each operation can answer with.

    A view names in `answers` what spectacular cannot see: action (or method) to status and serializer.
    An action in `bodiless` takes no body.
    """

    def get_request_serializer(self) -> Any:
        return None if self._act() in getattr(self.view, "bodiless", ()) else super().get_request_serializer()

    def get_response_serializers(self) -> Any:
        return getattr(self.view, "answers", {}).get(self._act()) or super().get_response_serializers()

    def get_override_parameters(self) -> list[Any]:
        """Beside what a view says of itself."""
        own: list[Any] = super().get_override_parameters()
        if not self._is_conditional():
            return own
        return [*own, IF_MATCH, *([] if self._act() == "destroy" else [ETAG])]

    def _is_conditional(self) -> bool:
        return hasattr(self.view, "versioned_fields") and self._act() in CONDITIONAL

    def _act(self) -> str:
        return getattr(self.view, "action", None) or self.method.lower()

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status in self._problems():
            bodies[status] = self._get_response_for_code(  # type: ignore[no-untyped-call]
                ProblemSerializer, status, [PROBLEM_TYPE], direction
            )
        return bodies

    def _problems(self) -> list[str]:
        found = {"401", "503"}
        if self.view.permission_classes:
            found |= {"403"}
        if self.method == "DELETE" and any(given["in"] == "header" for given in self._get_parameters()):
            found |= {"400"}
        if self._get_request_body() is not None:  # type: ignore[no-untyped-call]
            found |= {"400", "411", "413", "415"}
        if self.view.throttle_classes:
            found |= {"429"}
        if self._is_list_view():
            found |= {"400"}
        if "{" in self.path:
            found |= {"404"}
        if self._is_conditional():
            found |= {"400", "412"}
        if self.method != "GET" and self.view.permission_classes:
            found |= {"409"}
        return sorted(found | set(getattr(self.view, "further_problems", ())))


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "tenants.rest.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "An access token: /auth/token/ issues it to a member, /auth/key-token/ to a key.",
        }


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "tenants.rest.authentication.KeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Api-Key ft_…`: the word, a space and the key.",
        }
