"""The public host: the installation's own admin, and nobody's people."""

from django.urls import include, path
from django.views.generic import RedirectView

from tenants import views
from tenants.admin import installation_admin
from tenants.pages import switching

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="installation_admin:index")),
    path("", include("tenants.account_urls")),
    path("switch/", switching.switch, name="switch"),
    path("admin/", installation_admin.urls),
]
handler400, handler403, handler404, handler500 = (
    views.bad_request,
    views.forbidden,
    views.not_found,
    views.server_error,
)
