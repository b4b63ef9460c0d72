"""API keys over the API: for administrators, never for keys themselves."""

from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.access.addresses import client_address
from tenants.access.rights import Access, access_of
from tenants.accounts.proofs import RECENT_SECONDS, recently_proved
from tenants.credentials.actions import create_key, require_key_in_order, revoke_key, rotate_key
from tenants.credentials.queries import MANAGE_KEYS, get_key, listed_keys
from tenants.filters.lists import KeyFilters
from tenants.models import ApiKey
from tenants.queries import active_tenant
from tenants.rest.serializers import StrictBody, StrictSerializer
from tenants.rest.views import RowsViewSet, member
from tenants.rules import MEMBER_ROLES, Role
from tenants.rules.keys import DAYS, MAX_DAYS, MAX_OVERLAP_HOURS, OVERLAP_HOURS, KeyText


class KeySerializer(StrictSerializer[ApiKey]):
    """`key` is only in the answer that creates it."""

    role = serializers.ChoiceField([(role.value, role.label) for role in MEMBER_ROLES])
    sites = serializers.ListField(
        child=serializers.UUIDField(), max_length=200, allow_null=True, default=None,
        help_text="Ids of the sites to which it is limited; null for the whole tenant.",
    )  # fmt: skip
    days = serializers.IntegerField(write_only=True, min_value=1, max_value=MAX_DAYS, default=DAYS)
    created_by = serializers.StringRelatedField[Any]()
    state = serializers.SerializerMethodField(
        help_text="active, expired, revoked, or stopped: the user who made it may no longer make keys."
    )

    class Meta:
        model = ApiKey
        fields: tuple[str, ...] = (
            *("id", "name", "prefix", "role", "scopes", "sites", "days", "state", "created_by"),
            *("created_at", "expires_at", "last_used_at", "revoked_at", "replaced_by"),
        )
        read_only_fields = ("prefix", "expires_at", "last_used_at", "revoked_at", "replaced_by")

    def rules(self, values: dict[str, Any]) -> None:
        if {"role", "scopes"} <= values.keys():
            require_key_in_order(
                tenant=active_tenant(),
                role=Role(values["role"]),
                scopes=values["scopes"],
                sites=values.get("sites"),
                days=values.get("days", DAYS),
            )

    def get_state(self, key: ApiKey) -> str:
        return {None: "active", "maker": "stopped"}.get(ended := key.ended(timezone.now()), ended or "")


class MadeKeySerializer(KeySerializer):
    key = serializers.CharField(read_only=True, help_text="Shown in this answer only.")

    class Meta(KeySerializer.Meta):
        fields = (*KeySerializer.Meta.fields, "key")


class RotationSerializer(StrictBody):
    """How a key is replaced by its successor."""

    overlap_hours = serializers.IntegerField(
        min_value=0, max_value=MAX_OVERLAP_HOURS, default=OVERLAP_HOURS,
        help_text="How long the old key continues to work.",
    )  # fmt: skip


class KeyViewSet(RowsViewSet[ApiKey]):
    """API keys of this tenant."""

    serializer_class = KeySerializer
    filterset_class = KeyFilters
    queryset = ApiKey.objects.none()
    versioned_fields = ("name", "role", "scopes", "sites", "expires_at", "revoked_at", "replaced_by")
    permission = MANAGE_KEYS
    bodiless = ("revoke",)
    answers = {"create": {201: MadeKeySerializer}, "rotate": {201: MadeKeySerializer}}
    http_method_names = ["get", "post", "head"]

    def get_serializer_class(self) -> Any:
        return RotationSerializer if self.action == "rotate" else KeySerializer

    def get_queryset(self) -> QuerySet[ApiKey]:
        return listed_keys(active_tenant())

    def get_row(self, pk: UUID) -> ApiKey:
        return get_key(active_tenant(), pk)

    def create(self, request: Request) -> Response:
        """Creates a key. Only this answer contains it. Requires a login within the last five minutes."""
        values = self.accepted(request) | {"tenant": active_tenant(), **_maker(request)}
        _require_recent_proof(request)
        return _made(*create_key(**values | {"role": Role(values["role"])}))

    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, pk: UUID) -> Response:
        """Creates a successor with the same rights, shown in this answer only. The old key works until the
        overlap ends. Requires a login within the last five minutes."""
        hours = self.accepted(request)["overlap_hours"]
        _require_recent_proof(request)
        return _made(
            *rotate_key(key=self.get_row(pk), tenant=active_tenant(), overlap_hours=hours, **_maker(request))
        )

    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: UUID) -> Response:
        """Revokes a key. The key and each token made from it stop working."""
        revoke_key(
            key=self.get_row(pk), tenant=active_tenant(), by=member(request), address=client_address(request)
        )
        return Response(KeySerializer(self.get_row(pk)).data)


def _require_recent_proof(request: Request) -> None:
    """A key outlives the login that makes it. Raises PermissionDenied."""
    if not recently_proved(request):
        raise PermissionDenied(
            f"Creating a key requires a login within the last {RECENT_SECONDS // 60} minutes. Request a new"
            " token, or confirm at /account/confirm/ in a browser. Then repeat this request."
        )


def _maker(request: Request) -> dict[str, Any]:
    return {"by": cast(Access, access_of(request)), "address": client_address(request)}


def _made(key: ApiKey, text: KeyText) -> Response:
    answer = Response(MadeKeySerializer(key).data | {"key": str(text)}, 201)
    answer["Cache-Control"] = "no-store"
    return answer
