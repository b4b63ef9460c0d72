"""A customer's host: pages, admin, API."""

from django.urls import include, path

from tenants import views
from tenants.admin import tenant_admin
from tenants.credentials.jwks import jwks
from tenants.pages.settings import settings

urlpatterns = [
    path("", include("visits.urls")),
    path("cameras/", include("cameras.urls")),
    path("activity/", include("tenants.audit.urls")),
    path("", include("workers.urls")),
    path("", include("tenants.urls")),
    path("", include("tenants.account_urls")),
    path("settings/", settings, name="settings"),
    path("keys/", include("tenants.credentials.urls")),
    path(".well-known/jwks.json", jwks, name="jwks"),
    path("pictures/<str:token>", views.picture, name="picture"),
    path("admin/", tenant_admin.urls),
    path("api/v1/", include("facetrack.api")),
]
handler400, handler403, handler404, handler500 = (
    views.bad_request,
    views.forbidden,
    views.not_found,
    views.server_error,
)
