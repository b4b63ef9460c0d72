"""Pages about cameras, below /cameras/."""

from django.urls import path

from cameras import views

urlpatterns = [
    path("", views.camera_list, name="cameras"),
]
