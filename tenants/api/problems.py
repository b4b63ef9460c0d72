"""Errors of the API as problem details (RFC 9457): `type`, `title`, `status`, `detail`, `errors`."""

from http import HTTPStatus
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler


class ProblemSerializer(serializers.Serializer[Any]):
    """The shape of every error answer, for the schema."""

    type = serializers.CharField(help_text="about:blank")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    errors = serializers.DictField(required=False, help_text="field name to its messages")


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler; a rule of the models that refused (ValidationError) is a 400 as well."""
    if isinstance(error, DjangoValidationError):
        error = ValidationError(serializers.as_serializer_error(error))
    response = exception_handler(error, context)
    if response is None:
        return None
    data = response.data
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(response.status_code).phrase,
        "status": response.status_code,
    }
    if isinstance(data, dict) and "detail" in data:
        problem["detail"] = str(data["detail"])
    else:
        problem["detail"] = "Some fields were refused; `errors` says which and why."
        problem["errors"] = data if isinstance(data, dict) else {"non_field_errors": data}
    response.data = problem
    response.content_type = "application/problem+json"
    return response
