"""The activity log over the API, for administrators. It is read, never written."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework import serializers

from tenants.audit.descriptions import sentence
from tenants.audit.queries import lines_of
from tenants.filters.lists import ActivityFilters
from tenants.models import Activity, ActorKind, Verb
from tenants.queries import active_tenant
from tenants.rest.pagination import ChainPagination
from tenants.rest.views import RowsViewSet


class ActivitySerializer(serializers.ModelSerializer[Activity]):
    """`changes` names what changed, with values unless they are secret. `hash` chains the lines."""

    number = serializers.IntegerField(read_only=True)
    actor_kind = serializers.ChoiceField(ActorKind.choices, read_only=True)
    verb = serializers.ChoiceField(Verb.choices, read_only=True)
    changes = serializers.DictField(read_only=True)
    sentence = serializers.SerializerMethodField(help_text="The line as a sentence.")
    hash = serializers.SerializerMethodField(help_text="SHA-256, in hexadecimal digits.")

    class Meta:
        model = Activity
        fields = (
            *("number", "at", "sentence", "actor_kind", "actor_id", "actor_label", "address", "request"),
            *("verb", "object_kind", "object_id", "object_label", "changes", "reason", "hash"),
        )
        read_only_fields = fields

    def get_sentence(self, line: Activity) -> str:
        return sentence(line)

    def get_hash(self, line: Activity) -> str:
        return bytes(line.hash or b"").hex()


class ActivityViewSet(RowsViewSet[Activity]):
    """Who did what, newest first."""

    permission = "tenants.view_activity"
    serializer_class = ActivitySerializer
    filterset_class = ActivityFilters
    pagination_class = ChainPagination
    queryset = Activity.objects.none()

    def get_queryset(self) -> QuerySet[Activity]:
        return lines_of(active_tenant().pk)

    def get_row(self, pk: UUID) -> Any:
        raise NotImplementedError("lines have no address of their own")
