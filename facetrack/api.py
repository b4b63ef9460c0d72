"""The API under /api/v1/: one router, one OpenAPI schema, one interactive page."""

from django.contrib.auth.decorators import login_required
from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from cameras.api.views import CameraViewSet, SiteViewSet
from staff.api.views import FaceImageViewSet, StaffViewSet
from tenants.rest.resources.activity import ActivityViewSet
from tenants.rest.resources.keys import KeyViewSet
from tenants.rest.resources.logins import KeyTokenView, LogoutView, RefreshView, TokenView
from tenants.rest.resources.members import InvitationViewSet, MemberViewSet
from tenants.rest.resources.usage import UsageView
from tenants.rest.views import ApiView, NowhereView
from visits.api.events import EventListView
from visits.api.merges import MergeProposalViewSet, MergeViewSet
from visits.api.stream import EventStreamView
from visits.api.views import SightingViewSet, VisitorViewSet, VisitViewSet
from workers.api.operations import CameraOperationViewSet
from workers.api.views import WorkerViewSet


class SchemaView(ApiView, SpectacularAPIView):
    """The API's OpenAPI 3 schema: YAML, or JSON with `?format=json`."""


class DocsView(ApiView, SpectacularSwaggerSplitView):
    """The API's documentation page, for trying requests with the browser's session."""

    schema = None  # type: ignore[assignment]


router = SimpleRouter(use_regex_path=False)
router.register("sites", SiteViewSet, "api-site")
router.register("cameras", CameraViewSet, "api-camera")
router.register("staff", StaffViewSet, "api-staff")
router.register("staff/<uuid:staff_id>/faces", FaceImageViewSet, "api-face")
router.register("visitors", VisitorViewSet, "api-visitor")
router.register("visits", VisitViewSet, "api-visit")
router.register("sightings", SightingViewSet, "api-sighting")
router.register("merge-proposals", MergeProposalViewSet, "api-merge-proposal")
router.register("merges", MergeViewSet, "api-merge")
router.register("members", MemberViewSet, "api-member")
router.register("invitations", InvitationViewSet, "api-invitation")
router.register("keys", KeyViewSet, "api-key")
router.register("cameras", CameraOperationViewSet, "api-camera-operation")
router.register("workers", WorkerViewSet, "api-worker")

urlpatterns = [
    path("auth/token/", TokenView.as_view(), name="api-token"),
    path("auth/token/refresh/", RefreshView.as_view(), name="api-token-refresh"),
    path("auth/key-token/", KeyTokenView.as_view(), name="api-key-token"),
    path("auth/logout/", LogoutView.as_view(), name="api-logout"),
    path("activity/", ActivityViewSet.as_view({"get": "list"}), name="api-activity"),
    path("events/", EventListView.as_view(), name="api-event-list"),
    path("events/stream/", EventStreamView.as_view(), name="api-events"),
    path("usage/", UsageView.as_view(), name="api-usage"),
    path("schema/", SchemaView.as_view(), name="schema"),
    path("docs/", login_required(DocsView.as_view()), name="api-docs"),
    *router.urls,
    path("", NowhereView.as_view()),
    path("<path:rest>", NowhereView.as_view()),
]
