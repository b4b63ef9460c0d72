"""Sites and cameras over the API."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from cameras.actions import (
    SITE_FIELDS,
    TYPED,
    SourceTaken,
    archive_camera,
    archive_site,
    delete_camera,
    delete_site,
    save_camera,
    save_site,
    unarchive_camera,
    unarchive_site,
)
from cameras.api.serializers import CameraSerializer, SiteSerializer
from cameras.filters import CameraFilters, SiteFilters
from cameras.models import Camera, Site
from cameras.queries import (
    all_cameras,
    all_sites,
    get_any_camera,
    get_camera,
    get_site,
    may_allow_networks,
)
from cameras.rules import Login
from tenants.access.rights import Access
from tenants.rest.problems import Conflict
from tenants.rest.views import RowsViewSet, member, with_reason


class SiteViewSet(RowsViewSet[Site]):
    """Places that cameras watch."""

    serializer_class = SiteSerializer
    filterset_class = SiteFilters
    queryset = Site.objects.none()
    versioned_fields = SITE_FIELDS
    bodiless = ("archive", "unarchive")

    def get_queryset(self) -> QuerySet[Site]:
        return all_sites(self.access)

    def get_row(self, pk: UUID) -> Site:
        return get_site(self.access, pk)

    def create(self, request: Request) -> Response:
        site = Site(**self.accepted(request))
        _require_admin(self.access, bool(site.networks))
        return self.answer(save_site(site=site, by=member(request)), 201)

    def partial_update(self, request: Request, pk: UUID) -> Response:
        with self.held(pk) as site:
            values = self.accepted(request, site)
            _require_admin(self.access, "networks" in values)
            for name, value in values.items():
                setattr(site, name, value)
            return self.answer(save_site(site=site, by=member(request), only=values))

    @with_reason
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Deletes a site. Refused (409) while cameras or visits belong to it: archive it instead."""
        with self.held(pk) as site:
            delete_site(site=site)
        return Response(status=204)

    @action(detail=True, methods=["post"], verb="delete")
    def archive(self, request: Request, pk: UUID) -> Response:
        """Archives a site and its cameras, which stop. Their history stays, their names are free again."""
        return self.answer(archive_site(site=get_site(self.access, pk), by=member(request)))

    @action(detail=True, methods=["post"], verb="delete")
    def unarchive(self, request: Request, pk: UUID) -> Response:
        """Uses an archived site again. Refused (409) if another site has its name by now."""
        return self.answer(unarchive_site(site=get_site(self.access, pk), by=member(request)))


class CameraViewSet(RowsViewSet[Camera]):
    """Video sources. `enabled` is the desired state, `status` what the worker last reported."""

    serializer_class = CameraSerializer
    filterset_class = CameraFilters
    queryset = Camera.objects.none()
    versioned_fields = TYPED
    bodiless = ("archive", "unarchive")

    def get_queryset(self) -> QuerySet[Camera]:
        return all_cameras(self.access)

    def versioned(self, row: Camera) -> dict[str, Any]:
        """With the login, of which nothing can be read from the hash."""
        login = row.stored_login()
        return super().versioned(row) | {"username": login.username, "password": login.password}

    def get_row(self, pk: UUID) -> Camera:
        return get_any_camera(self.access, pk)

    def create(self, request: Request) -> Response:
        values = self.accepted(request)
        login = _login_in(values)
        with told_of_conflicts(self.access):
            camera = save_camera(camera=Camera(**values), by=member(request), login=login)
        return self.answer(get_camera(self.access, camera.pk), 201)

    def partial_update(self, request: Request, pk: UUID) -> Response:
        with self.held(pk) as camera:
            values = self.accepted(request, camera)
            login = _login_in(values)
            for name, value in values.items():
                setattr(camera, name, value)
            with told_of_conflicts(self.access):
                save_camera(camera=camera, by=member(request), only=values, login=login)
            return self.answer(get_camera(self.access, pk))

    @with_reason
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Deletes a camera. Refused (409) while sightings or visits belong to it: archive it instead."""
        with self.held(pk) as camera:
            delete_camera(camera=camera)
        return Response(status=204)

    @action(detail=True, methods=["post"], verb="delete")
    def archive(self, request: Request, pk: UUID) -> Response:
        """Stops a camera for good. Its history stays; its name and its source are free again."""
        archive_camera(camera=get_any_camera(self.access, pk), by=member(request))
        return self.answer(get_any_camera(self.access, pk))

    @action(detail=True, methods=["post"], verb="delete")
    def unarchive(self, request: Request, pk: UUID) -> Response:
        """Uses an archived camera again; it is off.

        Refused (409) if another camera has its name by now, or runs from its source.
        """
        with told_of_conflicts(self.access):
            unarchive_camera(camera=get_any_camera(self.access, pk), by=member(request))
        return self.answer(get_camera(self.access, pk))


@contextmanager
def told_of_conflicts(access: Access) -> Iterator[None]:
    """A source that has another owner is a conflict. It names the owner where the caller may know it."""
    try:
        yield
    except SourceTaken as error:
        raise Conflict(error.told(access)) from None


def _login_in(values: dict[str, Any]) -> Login:
    """Takes the login out of the values of a body: it is not part of the camera's row."""
    return Login(values.pop("username", None), values.pop("password", None))


def _require_admin(access: Access, networks_given: bool) -> None:
    """Raises PermissionDenied: only the tenant's administrators choose the private networks of cameras."""
    if networks_given and not may_allow_networks(access):
        raise PermissionDenied("Only an administrator can choose the private networks of cameras.")
