"""Hooks that complete the OpenAPI schema: descriptions, headers of answers, examples."""

from collections.abc import Iterator
from typing import Any

from facetrack.schema.examples import DONE, EXAMPLES, PROBLEM
from facetrack.schema.texts import COMPONENTS, PARAMETERS, PROPERTIES

Schema = dict[str, Any]
PROBLEM_TYPE = "application/problem+json"

RETRY_AFTER = {
    "description": "Seconds to wait before the request is sent again.",
    "schema": {"type": "integer", "minimum": 1},
}
CHALLENGE = {"description": "The schemes that this address accepts.", "schema": {"type": "string"}}
HEADERS = {
    "401": {"WWW-Authenticate": CHALLENGE},
    "429": {"Retry-After": RETRY_AFTER},
    "503": {"Retry-After": RETRY_AFTER},
}


def described(result: Schema, **_: object) -> Schema:
    """Gives each component, property and parameter a description, where the code has none."""
    for name, component in result["components"]["schemas"].items():
        plain = name.removeprefix("Patched").removesuffix("Request")
        if text := COMPONENTS.get(plain):
            component.setdefault("description", text)
        for field, schema in component.get("properties", {}).items():
            if not schema.get("description") and (
                text := PROPERTIES.get(f"{plain}.{field}", PROPERTIES.get(field))
            ):
                component["properties"][field] = _with_text(schema, text)
    for operation in _operations(result):
        for parameter in operation.get("parameters", ()):
            if text := PARAMETERS.get(parameter["name"]):
                parameter.setdefault("description", text)
    return result


def with_headers(result: Schema, **_: object) -> Schema:
    """Names the headers that answers of a status can have, and says what the status means."""
    for operation in _operations(result):
        for status, answer in operation["responses"].items():
            if status in HEADERS:
                answer.setdefault("headers", {}).update(HEADERS[status])
            if status >= "400" and PROBLEM_TYPE in answer.get("content", {}):
                answer["description"] = PROBLEM.get(status, "")
            elif not answer.get("description"):
                answer["description"] = DONE.get(status, "")
    return result


def with_examples(result: Schema, **_: object) -> Schema:
    """Adds an example to each component that has one."""
    for name, example in EXAMPLES.items():
        if component := result["components"]["schemas"].get(name):
            component["example"] = example
    return result


def _with_text(schema: Schema, text: str) -> Schema:
    """A reference cannot have a description beside it in OpenAPI 3.0."""
    return {"allOf": [schema], "description": text} if "$ref" in schema else {**schema, "description": text}


def _operations(result: Schema) -> Iterator[Schema]:
    for path in result["paths"].values():
        yield from path.values()
