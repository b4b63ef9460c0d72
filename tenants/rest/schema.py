"""The OpenAPI schema."""

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from tenants.rest.problems import PROBLEM_TYPE, ProblemSerializer


class ApiSchema(AutoSchema):
    """What spectacular finds by itself, and the problems that each operation can answer with.

    A view names in `answers` what spectacular cannot see: action (or method) to status and serializer.
    An action in `bodiless` takes no body.
    """

    def get_request_serializer(self) -> Any:
        return None if self._act() in getattr(self.view, "bodiless", ()) else super().get_request_serializer()

    def get_response_serializers(self) -> Any:
        return getattr(self.view, "answers", {}).get(self._act()) or super().get_response_serializers()

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
        if self._get_request_body() is not None:  # type: ignore[no-untyped-call]
            found |= {"400", "411", "413", "415"}
        if self.view.throttle_classes:
            found |= {"429"}
        if self._is_list_view():
            found |= {"400"}
        if "{" in self.path:
            found |= {"404"}
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
