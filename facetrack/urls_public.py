"""The public host: the installation's own admin, without any tenant's people."""

from django.urls import include, path
from django.views.generic import RedirectView

from facetrack.api import SchemaView
from tenants.admin import installation_admin
from tenants.credentials.jwks import jwks
from tenants.pages import tenant_switch
from tenants.rest.resources.logins import KeyTokenView
from tenants.rest.views import NowhereView
from tenants.web import views

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="installation_admin:index")),
    path("", include("tenants.pages.account_urls")),
    path(".well-known/jwks.json", jwks, name="jwks"),
    path("api/v1/auth/key-token/", KeyTokenView.as_view(), name="api-key-token"),
    path("api/v1/workers/", include("workers.api.edge_urls")),
    path("api/v1/schema/", SchemaView.as_view(urlconf="facetrack.urls_public"), name="schema"),
    path("api/v1/<path:rest>", NowhereView.as_view()),
    path("switch/", tenant_switch.switch, name="switch"),
    path("admin/", installation_admin.urls),
]
handler400, handler403, handler404, handler500 = (
    views.bad_request,
    views.forbidden,
    views.not_found,
    views.server_error,
)
