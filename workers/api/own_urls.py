"""URLs of workers at the edge, on the public host."""

from django.urls import path

from workers.api.own import OwnLeaseViewSet, OwnWorkerViewSet
from workers.api.own_runs import OwnPeopleViewSet, OwnRecordViewSet, OwnRunViewSet
from workers.api.own_shown import OwnShownViewSet

urlpatterns = [
    path(
        "<str:worker>/",
        OwnWorkerViewSet.as_view({"put": "register", "get": "retrieve"}),
        name="own-worker",
    ),
    path("<str:worker>/beat/", OwnWorkerViewSet.as_view({"post": "beat"}), name="own-worker-beat"),
    path(
        "<str:worker>/sign-off/", OwnWorkerViewSet.as_view({"post": "sign_off"}), name="own-worker-sign-off"
    ),
    path("<str:worker>/watched/", OwnShownViewSet.as_view({"post": "watched"}), name="own-watched"),
    path("<str:worker>/answer/", OwnShownViewSet.as_view({"post": "answer"}), name="own-answer"),
    path(
        "<str:worker>/leases/<uuid:camera>/picture/",
        OwnShownViewSet.as_view({"post": "picture"}),
        name="own-run-picture",
    ),
    path("<str:worker>/leases/", OwnLeaseViewSet.as_view({"get": "retrieve"}), name="own-leases"),
    path("<str:worker>/leases/renew/", OwnLeaseViewSet.as_view({"post": "renew"}), name="own-leases-renew"),
    path(
        "<str:worker>/leases/<uuid:camera>/acquire/",
        OwnLeaseViewSet.as_view({"post": "acquire"}),
        name="own-lease-acquire",
    ),
    path(
        "<str:worker>/leases/<uuid:camera>/release/",
        OwnLeaseViewSet.as_view({"post": "release"}),
        name="own-lease-release",
    ),
    *(
        path(
            f"<str:worker>/leases/<uuid:camera>/{name}/",
            view.as_view({"post": name}),
            name=f"own-run-{name}",
        )
        for view in (OwnRunViewSet, OwnRecordViewSet)
        for name in view.bodies
    ),
    *(
        path(
            f"<str:worker>/tenants/<uuid:tenant>/{name}/",
            OwnPeopleViewSet.as_view({"post": name}),
            name=f"own-people-{name}",
        )
        for name in OwnPeopleViewSet.bodies
    ),
]
