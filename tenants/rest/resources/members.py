"""Members and invitations over the API."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.accounts.actions_invitations import invite, invite_again, withdraw
from tenants.accounts.invitations import get_invitation, open_invitations
from tenants.accounts.mail import try_to_invite
from tenants.actions import change_member, chosen_sites, hold_member, remove_member
from tenants.filters.lists import InvitationFilters, MemberFilters
from tenants.models import Invitation, Membership
from tenants.queries import get_member, members
from tenants.rest.serializers import StrictSerializer
from tenants.rest.views import RowsViewSet
from tenants.rules import Role

SITES_LIMIT = 1_000


class MemberSerializer(StrictSerializer[Membership]):
    """A member. `sites` are those of a site manager."""

    email = serializers.EmailField(source="user.email", read_only=True)
    name = serializers.CharField(source="user.name", read_only=True)
    sites = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=SITES_LIMIT, help_text="Ids of sites."
    )

    class Meta:
        model = Membership
        fields = ("id", "email", "name", "role", "sites", "created_at")

    def rules(self, values: dict[str, Any]) -> None:
        chosen = {name: values.get(name, getattr(self.instance, name)) for name in ("role", "sites")}
        chosen_sites(Role(chosen["role"]), chosen["sites"])


class InvitationSerializer(StrictSerializer[Invitation]):
    """An invitation that was neither accepted nor withdrawn. Its link ends at `expires_at`."""

    email = serializers.EmailField()
    sites = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=SITES_LIMIT, help_text="Ids of sites."
    )
    invited_by = serializers.StringRelatedField[Any]()

    class Meta:
        model = Invitation
        fields = ("id", "email", "role", "sites", "invited_by", "created_at", "sent_at", "expires_at")
        read_only_fields = ("created_at", "sent_at", "expires_at")

    def rules(self, values: dict[str, Any]) -> None:
        if "role" in values:
            chosen_sites(Role(values["role"]), values.get("sites", ()))


class MemberViewSet(RowsViewSet[Membership]):
    """The members of the tenant and their roles. For administrators."""

    permission = "tenants.manage_members"
    serializer_class = MemberSerializer
    filterset_class = MemberFilters
    queryset = Membership.objects.none()
    versioned_fields = ("role", "sites")
    answers = {"create": {201: InvitationSerializer}}

    def get_serializer_class(self) -> Any:
        return InvitationSerializer if self.action == "create" else MemberSerializer

    def get_queryset(self) -> QuerySet[Membership]:
        return members()

    def get_row(self, pk: UUID) -> Membership:
        return get_member(pk)

    def hold(self, pk: UUID) -> None:
        hold_member(pk)

    def create(self, request: Request) -> Response:
        """Invites a person. They become a member when they accept with the link that is mailed to them.

        The answer, an invitation, is the same whether there is an account with this e-mail or not. If no mail
        arrives, request another one at `/invitations/{id}/again/`.
        """
        values = {"sites": (), **self.accepted(request)}
        role = Role(values.pop("role"))
        invitation, secret = invite(access=self.access, role=role, now=timezone.now(), **values)
        try_to_invite(invitation, secret, request)
        return Response(InvitationSerializer(invitation).data, 201)

    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Changes role or sites. Refused for your own membership and for the last administrator."""
        with self.held(pk) as row:
            values = {"role": row.role, "sites": row.sites} | self.accepted(request, row)
            role = Role(values["role"])
            changed = change_member(access=self.access, member=row, role=role, sites=values["sites"])
            return self.answer(changed)

    def destroy(self, request: Request, pk: UUID) -> Response:
        """Removes a member. Refused (409) for your own membership and for the last administrator."""
        with self.held(pk) as row:
            remove_member(access=self.access, member=row)
        return Response(status=204)


class InvitationViewSet(RowsViewSet[Invitation]):
    """Pending invitations. For administrators; `POST /members/` invites."""

    permission = "tenants.manage_members"
    serializer_class = InvitationSerializer
    filterset_class = InvitationFilters
    queryset = Invitation.objects.none()
    bodiless = ("again",)
    http_method_names = ["get", "post", "delete", "head"]

    def get_queryset(self) -> QuerySet[Invitation]:
        return open_invitations()

    def get_row(self, pk: UUID) -> Invitation:
        return get_invitation(pk)

    @action(detail=True, methods=["post"])
    def again(self, request: Request, pk: UUID) -> Response:
        """Mails a new link; former links stop working. Refused (409) after too many mails."""
        invitation = get_invitation(pk)
        secret = invite_again(access=self.access, invitation=invitation, now=timezone.now())
        try_to_invite(invitation, secret, request)
        return self.answer(get_invitation(pk))

    def destroy(self, request: Request, pk: UUID) -> Response:
        """Withdraws an invitation. Its link stops working."""
        with self.held(pk) as invitation:
            withdraw(invitation=invitation, now=timezone.now())
        return Response(status=204)
