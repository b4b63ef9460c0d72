"""Pages about cameras, below /cameras/."""

from django.urls import path

from cameras import views

urlpatterns = [
    path("", views.camera_list, name="cameras"),
    path("<uuid:camera_id>/start/", views.start, name="camera_start"),
    path("<uuid:camera_id>/stop/", views.stop, name="camera_stop"),
]
