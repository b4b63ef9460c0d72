"""Pages about API keys, below /keys/."""

from django.urls import path

from tenants.pages.keys import views

urlpatterns = [
    path("", views.key_list, name="keys"),
    path("new/", views.new_key, name="new_key"),
    path("<uuid:key_id>/rotate/", views.rotate, name="rotate_key"),
    path("<uuid:key_id>/revoke/", views.revoke, name="revoke_key"),
]
