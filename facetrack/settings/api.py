"""Django REST framework and the API's description of itself."""

from datetime import timedelta
from typing import Any

TAGS = {
    "activity": "The log of who did what.",
    "auth": "Tokens for members and API keys.",
    "cameras": "Video sources, and what their workers do with them.",
    "events": "What happens, as a stream and as a list.",
    "invitations": "Invitations that were not accepted yet.",
    "keys": "API keys for programs.",
    "members": "People who log in, and their roles.",
    "merge-proposals": "Visitors who may be one person.",
    "merges": "Visitors who were merged.",
    "sightings": "What cameras saw: one row per track.",
    "sites": "Places that cameras watch.",
    "staff": "Employees and their face pictures.",
    "usage": "Limits of the organisation.",
    "visitors": "People who are known by face.",
    "visits": "Stays of one person at one site.",
    "workers": "Processes that run cameras.",
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tenants.rest.authentication.TokenAuthentication",
        "tenants.rest.authentication.KeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.auth.RolePermission"],
    "DEFAULT_PAGINATION_CLASS": "tenants.rest.pagination.TimePagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_THROTTLE_CLASSES": ["tenants.rest.throttles.Throttle"],
    "EXCEPTION_HANDLER": "tenants.rest.problems.problem_response",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SIMPLE_JWT: dict[str, Any] = {  # the keys are in `tenants.credentials.tokens`, not here
    "ALGORITHM": "RS256",
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=5),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=1),
    "USER_ID_CLAIM": "sub",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "FaceTrack",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["tenants.auth.RolePermission"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "DESCRIPTION": "FaceTrack reports who has come to the doors of an organisation. Log in at "
    "`/auth/token/`, or send an API key. Lists come in pages; errors are problem details (RFC 9457).",
    "CONTACT": {"name": "The operators of this installation"},
    "SERVERS": [{"url": "/", "description": "The organisation's own host, which also serves this schema."}],
    "TAGS": [{"name": name, "description": text} for name, text in TAGS.items()],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "facetrack.schema.hooks.described",
        "facetrack.schema.hooks.with_headers",
        "facetrack.schema.hooks.with_examples",
    ],
    "ENUM_NAME_OVERRIDES": {
        "DecisionEnum": "visits.models.SightingDecision",
        "CameraStatusEnum": "cameras.models.Camera.Status",
        "PersonKindEnum": [("staff", "staff"), ("visitor", "visitor")],
    },
}
