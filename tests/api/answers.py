"""What answers of the API look like."""

from typing import Any

from rest_framework.test import APIClient

V1 = "/api/v1"
TOKEN, REFRESH, LOGOUT = f"{V1}/auth/token/", f"{V1}/auth/token/refresh/", f"{V1}/auth/logout/"
KEY_TOKEN = f"{V1}/auth/key-token/"


def problem(answer: Any, status: int, *, field: str | None = None) -> dict[str, Any]:
    """The problem details of a refused request, checked for their shape; `field` must be among the errors."""
    assert answer.status_code == status, (answer.status_code, answer.content[:500])
    assert answer["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["type"] == "about:blank"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert body["code"]
    assert set(body) <= {"type", "title", "status", "detail", "errors", "faults", "code"}
    assert ("faults" in body) == ("errors" in body)
    for fault in body.get("faults", ()):
        assert set(fault) in ({"pointer", "code", "detail"}, {"parameter", "code", "detail"})
    if field is not None:
        assert field in body["errors"], body
        assert all(isinstance(message, str) for messages in body["errors"].values() for message in messages)
    return body


def results(answer: Any) -> list[dict[str, Any]]:
    """The rows of a list."""
    assert answer.status_code == 200, (answer.status_code, answer.content[:500])
    body = answer.json()
    assert set(body) == {"next", "previous", "results"}
    return list(body["results"])


def bearer(host: str, token: str) -> APIClient:
    """A client without a session that shows a token."""
    return APIClient(SERVER_NAME=host, HTTP_AUTHORIZATION=f"Bearer {token}")
