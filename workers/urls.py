"""The worker monitor, and requests to a camera's worker from the camera's page."""

from django.urls import path

from workers.views import cameras, workers

urlpatterns = [
    path("workers/", workers.worker_list, name="workers"),
    path("cameras/wall/", cameras.wall, name="wall"),
    path("cameras/<uuid:camera_id>/", cameras.camera, name="camera"),
    path("cameras/<uuid:camera_id>/archive/", cameras.archive, name="camera_archive"),
    path("cameras/<uuid:camera_id>/unarchive/", cameras.unarchive, name="camera_unarchive"),
    path("cameras/<uuid:camera_id>/start/", cameras.start, name="camera_start"),
    path("cameras/<uuid:camera_id>/stop/", cameras.stop, name="camera_stop"),
    path("cameras/<uuid:camera_id>/still.jpg", cameras.still, name="camera_still"),
    path("cameras/<uuid:camera_id>/ask/<str:operation>/", cameras.ask_camera, name="camera_ask"),
]
