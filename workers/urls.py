"""The worker monitor, and what a camera's worker can be asked for on the camera's page."""

from django.urls import path

from workers import views

urlpatterns = [
    path("workers/", views.worker_list, name="workers"),
    path("cameras/wall/", views.wall, name="wall"),
    path("cameras/<uuid:camera_id>/", views.camera, name="camera"),
    path("cameras/<uuid:camera_id>/still.jpg", views.still, name="camera_still"),
    path("cameras/<uuid:camera_id>/ask/<str:operation>/", views.ask_camera, name="camera_ask"),
]
