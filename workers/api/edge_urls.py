"""URLs of workers at the edge, on the public host."""

from django.urls import path

from workers.api.edge import EdgeLeaseViewSet, EdgeWorkerViewSet
from workers.api.edge_previews import EdgePreviewViewSet
from workers.api.edge_runs import EdgePeopleViewSet, EdgeRecordViewSet, EdgeRunViewSet

urlpatterns = [
    path(
        "<str:worker>/",
        EdgeWorkerViewSet.as_view({"put": "register", "get": "retrieve"}),
        name="own-worker",
    ),
    path("<str:worker>/beat/", EdgeWorkerViewSet.as_view({"post": "beat"}), name="own-worker-beat"),
    path(
        "<str:worker>/sign-off/", EdgeWorkerViewSet.as_view({"post": "sign_off"}), name="own-worker-sign-off"
    ),
    path("<str:worker>/watched/", EdgePreviewViewSet.as_view({"post": "watched"}), name="own-watched"),
    path("<str:worker>/answer/", EdgePreviewViewSet.as_view({"post": "answer"}), name="own-answer"),
    path(
        "<str:worker>/leases/<uuid:camera>/picture/",
        EdgePreviewViewSet.as_view({"post": "picture"}),
        name="own-run-picture",
    ),
    path("<str:worker>/leases/", EdgeLeaseViewSet.as_view({"get": "retrieve"}), name="own-leases"),
    path("<str:worker>/leases/renew/", EdgeLeaseViewSet.as_view({"post": "renew"}), name="own-leases-renew"),
    path(
        "<str:worker>/leases/<uuid:camera>/acquire/",
        EdgeLeaseViewSet.as_view({"post": "acquire"}),
        name="own-lease-acquire",
    ),
    path(
        "<str:worker>/leases/<uuid:camera>/release/",
        EdgeLeaseViewSet.as_view({"post": "release"}),
        name="own-lease-release",
    ),
    *(
        path(
            f"<str:worker>/leases/<uuid:camera>/{name}/",
            view.as_view({"post": name}),
            name=f"own-run-{name}",
        )
        for view in (EdgeRunViewSet, EdgeRecordViewSet)
        for name in view.bodies
    ),
    *(
        path(
            f"<str:worker>/tenants/<uuid:tenant>/{name}/",
            EdgePeopleViewSet.as_view({"post": name}),
            name=f"own-people-{name}",
        )
        for name in EdgePeopleViewSet.bodies
    ),
]
