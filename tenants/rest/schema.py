"""The OpenAPI schema of single operations."""

import re
from inspect import getdoc
from typing import Any, Literal

from drf_spectacular.contrib.django_filters import DjangoFilterExtension
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
    An action in `bodiless` takes no body. `further_components` are described although no answer has them
    alone.
    """

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        for component in getattr(self.view, "further_components", ()):
            self.resolve_serializer(component, "response")
        return operation

    def get_operation_id(self) -> str:
        return str(super().get_operation_id()).replace(".", "_")

    def get_summary(self) -> str:
        return f"{_WORDS[self._act()][0]} {self._named()}" if self._is_plain() else _first(self._said())

    def get_description(self) -> str:  # type: ignore[override]  # of DRF's, which spectacular replaces
        if not self._is_plain():
            return self._said()
        return f"{_WORDS[self._act()][1]}\n\n{getdoc(type(self.view)) or ''}".strip()

    def _is_plain(self) -> bool:
        """Whether the action does only what its name says: it has no text of its own."""
        return self._act() in _WORDS and hasattr(self.view, "get_row") and not self._own_text()

    def _own_text(self) -> str:
        return getdoc(getattr(self.view, self._act(), None)) or ""

    def _said(self) -> str:
        return self._own_text() or getdoc(type(self.view)) or ""

    def _named(self) -> str:
        names = self.view.queryset.model._meta  # type: ignore[attr-defined]  # a view of rows
        one, many = str(names.verbose_name), str(names.verbose_name_plural)
        if self._act() == "list":
            return many
        return f"an {one}" if one[0].lower() in "aeiou" else f"a {one}"

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
        found = {"400", "401", "503"}
        if self.view.permission_classes:
            found |= {"403"}
        if self._get_request_body() is not None:  # type: ignore[no-untyped-call]
            found |= {"411", "413", "415"}
        if self.view.throttle_classes:
            found |= {"429"}
        if "{" in self.path:
            found |= {"404"}
        if self._is_conditional():
            found |= {"412"}
        if self.method != "GET" and self.view.permission_classes:
            found |= {"409"}
        return sorted(found | set(getattr(self.view, "further_problems", ())))


class FilterTexts(DjangoFilterExtension):  # type: ignore[no-untyped-call]
    """Spectacular drops the help text of a filter that says its own type."""

    priority = 1

    def resolve_filter_field(
        self, auto_schema: Any, model: Any, filterset_class: Any, field_name: str, filter_field: Any
    ) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = super().resolve_filter_field(  # type: ignore[no-untyped-call]
            auto_schema, model, filterset_class, field_name, filter_field
        )
        text = filter_field.extra.get("help_text")
        return [{"description": text, **parameter} if text else parameter for parameter in found]


_WORDS = {
    "list": ("List", "Lists the rows that you may see, one page at a time."),
    "retrieve": ("Get", "Gets one row."),
    "create": ("Create", "Creates a row. Leave out what you do not need."),
    "partial_update": ("Change", "Changes the fields that the body names; all others stay."),
    "destroy": ("Delete", "Deletes a row."),
}
"""Summary and description of what the actions of all lists and rows do."""


def _first(text: str) -> str:
    """The first sentence, without its full stop."""
    return " ".join(re.split(r"(?<=[.;:])\s", text, maxsplit=1)[0].split()).rstrip(".;:")


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
