"""Members of the tenant over the API."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.actions import change_member, invite, remove_member
from tenants.api.filters import TextFilter
from tenants.api.problems import as_conflict
from tenants.api.serializers import StrictSerializer
from tenants.api.views import RowsViewSet
from tenants.mail import try_to_invite
from tenants.models import Membership
from tenants.queries import get_member, members, members_called
from tenants.rules import MEMBER_ROLES, Role

SITES_LIMIT = 1_000


class MemberFilters(filters.FilterSet):  # type: ignore[misc]
    role = filters.ChoiceFilter(choices=[(role.value, role.label) for role in MEMBER_ROLES])
    search = TextFilter(method="search_for", help_text="Part of the e-mail or name.")

    class Meta:
        model = Membership
        fields = ()

    def search_for(self, rows: QuerySet[Membership], name: str, text: str) -> QuerySet[Membership]:
        return rows.filter(members_called(text))


class MemberSerializer(StrictSerializer[Membership]):
    """`email` is given once, to invite; `sites` are those of a site manager."""

    email = serializers.EmailField(source="user.email", read_only=True)
    name = serializers.CharField(source="user.name", read_only=True)
    sites = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=SITES_LIMIT, help_text="Ids of sites."
    )

    class Meta:
        model = Membership
        fields = ("id", "email", "name", "role", "sites", "created_at")


class InvitationSerializer(MemberSerializer):
    email = serializers.EmailField(source="user.email")


class MemberViewSet(RowsViewSet[Membership]):
    """Who may log in here, as what. For administrators."""

    permission = "tenants.manage_members"
    serializer_class = MemberSerializer
    filterset_class = MemberFilters
    queryset = Membership.objects.none()

    def get_serializer_class(self) -> type[MemberSerializer]:
        return InvitationSerializer if self.action == "create" else MemberSerializer

    def get_queryset(self) -> QuerySet[Membership]:
        return members()

    def get_row(self, pk: UUID) -> Membership:
        return get_member(pk)

    def create(self, request: Request) -> Response:
        """Makes somebody a member, with an account where there is none yet. A mail tells them."""
        values = self.accepted(request)
        given: dict[str, Any] = {"email": values["user"]["email"], "sites": values.get("sites", ())}
        row = invite(access=self.access, role=Role(values["role"]), **given)
        try_to_invite(row, request)
        return self.answer(row, 201)

    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Another role, or other sites. Refused for oneself and for the last administrator."""
        row = get_member(pk)
        values = {"role": row.role, "sites": row.sites} | self.accepted(request, row)
        role = Role(values["role"])
        return self.answer(change_member(access=self.access, member=row, role=role, sites=values["sites"]))

    def destroy(self, request: Request, pk: UUID) -> Response:
        """Refused (409) for oneself and for the last administrator."""
        with as_conflict():
            remove_member(access=self.access, member=get_member(pk))
        return Response(status=204)
