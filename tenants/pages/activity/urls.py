"""The page about the activity log, below /activity/."""

from django.urls import path

from tenants.pages.activity import views

urlpatterns = [
    path("", views.activity, name="activity"),
    path("export/", views.export_activity, name="export_activity"),
]
