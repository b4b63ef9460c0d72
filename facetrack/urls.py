"""A customer's host: pages, admin, API."""

from django.urls import include, path

from tenants.admin import tenant_admin
from tenants.credentials.jwks import jwks
from tenants.pages.settings import settings
from tenants.web import views

urlpatterns = [
    path("", include("visits.pages.urls")),
    path("cameras/", include("cameras.urls")),
    path("activity/", include("tenants.pages.activity.urls")),
    path("", include("workers.urls")),
    path("", include("tenants.pages.urls")),
    path("", include("tenants.pages.account_urls")),
    path("settings/", settings, name="settings"),
    path("keys/", include("tenants.pages.keys.urls")),
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
