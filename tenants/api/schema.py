"""How the API describes itself (OpenAPI)."""

from typing import Any, Literal

from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from drf_spectacular.openapi import AutoSchema

from tenants.api.problems import PROBLEM_TYPE, ProblemSerializer


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
        found = {"401"}
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


class TenantTokenScheme(SimpleJWTScheme):  # type: ignore[no-untyped-call]
    """Tells spectacular that our authentication is simplejwt's with one more check."""

    target_class = "tenants.auth.TenantJWTAuthentication"
