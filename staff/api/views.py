"""API of staff and their pictures."""

from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework.decorators import action
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from staff.actions import (
    STAFF_FIELDS,
    add_face_image,
    confirm_face_image,
    delete_face_image,
    delete_staff_member,
    lock_gallery,
    save_staff_member,
)
from staff.api.serializers import FaceImageSerializer, StaffMemberSerializer, UploadSerializer
from staff.filters import FaceImageFilters, StaffFilters
from staff.forms import PictureForm
from staff.models import FaceImage, StaffMember
from staff.queries import (
    ADD_PICTURES,
    VIEW_PICTURES,
    face_images_of,
    get_changeable,
    get_decidable,
    get_face_image,
    get_staff_member,
    staff_members,
)
from tenants.access.rights import access_of
from tenants.rest.conditions import ETAG, etag
from tenants.rest.views import BODY_LIMIT, RowsViewSet, member, with_reason


class StaffViewSet(RowsViewSet[StaffMember]):
    """Employees whom FaceTrack recognises by name."""

    serializer_class = StaffMemberSerializer
    filterset_class = StaffFilters
    queryset = StaffMember.objects.none()
    versioned_fields = STAFF_FIELDS

    def get_queryset(self) -> QuerySet[StaffMember]:
        return staff_members(self.access)

    def get_row(self, pk: UUID) -> StaffMember:
        return get_staff_member(self.access, pk)

    def create(self, request: Request) -> Response:
        person = StaffMember(**self.accepted(request))
        return self.answer(save_staff_member(member=person, by=member(request)), 201)

    def partial_update(self, request: Request, pk: UUID) -> Response:
        get_changeable(self.access, pk)
        with self.held(pk):
            person = get_changeable(self.access, pk)
            values = self.accepted(request, person)
            for name, value in values.items():
                setattr(person, name, value)
            return self.answer(save_staff_member(member=person, by=member(request), only=values))

    @with_reason
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Deletes the person, their pictures and their visits. To keep past visits, set `active` to false."""
        get_changeable(self.access, pk)
        with self.held(pk):
            delete_staff_member(member=get_changeable(self.access, pk))
        return Response(status=204)


class FaceImageViewSet(RowsViewSet[FaceImage]):
    """The enrolment pictures of one employee. Upload three to five, from different days."""

    serializer_class = FaceImageSerializer
    filterset_class = FaceImageFilters
    queryset = FaceImage.objects.none()
    versioned_fields = ("status", "reason", "resembles", "similarity", "pack")
    answers = {"create": {201: FaceImageSerializer, 200: FaceImageSerializer}}
    bodiless: ClassVar[tuple[str, ...]] = ("confirm",)
    further_problems = ("503",)

    @property
    def permission(self) -> str | None:  # type: ignore[override]
        """A key that may add pictures may read what became of those that it uploaded itself."""
        return ADD_PICTURES if self._uploader else None

    @property
    def _uploader(self) -> UUID | None:
        """The key to whose uploads the request is limited."""
        access = access_of(self.request)
        if access is None or self.request.method not in SAFE_METHODS or access.may(VIEW_PICTURES):
            return None
        return access.key if access.may(ADD_PICTURES) else None

    @property
    def body_limit(self) -> int:  # type: ignore[override]
        upload = settings.FACETRACK_UPLOAD_MEGABYTES * 1_000_000 if self.action == "create" else 0
        return upload + BODY_LIMIT

    def get_parsers(self) -> list[BaseParser]:
        """Asked before `action` is set."""
        method = "post" if self.request is None else (self.request.method or "").lower()
        uploads = self.request is None or self.action_map.get(method) == "create"
        return [MultiPartParser()] if uploads else super().get_parsers()

    def get_serializer_class(self) -> type[BaseSerializer[FaceImage]]:
        return UploadSerializer if self.action == "create" else FaceImageSerializer

    def get_queryset(self) -> QuerySet[FaceImage]:
        return face_images_of(self.access, self.kwargs["staff_id"], uploaded_by_key=self._uploader)

    def get_row(self, pk: UUID) -> FaceImage:
        return get_face_image(self.access, self.kwargs["staff_id"], pk, uploaded_by_key=self._uploader)

    def list(self, request: Request, **parents: UUID) -> Response:
        get_staff_member(self.access, parents["staff_id"])
        return super().list(request, **parents)

    def create(self, request: Request, staff_id: UUID) -> Response:
        """Upload a picture. A worker examines it next; poll until `status` is no longer `pending`.

        `held` means that another person has the same picture or a face like it. 200 instead of 201: this
        person had the picture already, and nothing was stored.
        """
        person = get_changeable(self.access, staff_id)
        form = PictureForm(files=request.FILES)
        if not form.is_valid():
            raise ValidationError(form.errors.as_data())
        face_image = add_face_image(
            member=person, picture=form.cleaned_data["picture"], by=member(request), key=self.access.key
        )
        return self._answer(face_image, 200 if face_image.repeated else 201)

    @action(detail=True, methods=["post"], verb="add")
    def confirm(self, request: Request, staff_id: UUID, pk: UUID) -> Response:
        """Enrol a held picture all the same: the people whom it resembles are other people.

        A worker examines it again. Refused (409) if the picture is not held; with `If-Match`, also (412)
        if it resembles other people by now.
        """
        get_changeable(self.access, staff_id)
        with self.held(pk):
            held = get_decidable(self.access, staff_id, pk)
            face_image = confirm_face_image(face_image=held, by=member(request))
        return self._answer(face_image, 200)

    def destroy(self, request: Request, staff_id: UUID, pk: UUID) -> Response:
        get_changeable(self.access, staff_id)
        with self.held(pk) as face_image:
            delete_face_image(face_image=face_image)
        return Response(status=204)

    def hold(self, pk: UUID) -> None:
        lock_gallery()
        super().hold(pk)

    def _answer(self, face_image: FaceImage, status: int) -> Response:
        shown = FaceImageSerializer(face_image, context=self.get_serializer_context()).data
        return Response(shown, status, headers={ETAG: etag(self.version_of(face_image))})
