"""The activity log over the API, for administrators. It is read, never written."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers

from tenants.audit.descriptions import sentence
from tenants.audit.queries import lines_of, narrowed
from tenants.models import Activity, ActorKind, Verb
from tenants.queries import active_tenant
from tenants.rest.filters import MomentFilter, TextFilter
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


class ActivityFilters(filters.FilterSet):  # type: ignore[misc]
    who = TextFilter(method="by", help_text="Part of a name, an id, or a kind of actor such as worker.")
    verb = filters.ChoiceFilter(choices=Verb.choices)
    kind = TextFilter(field_name="object_kind", help_text="Such as staff.staffmember.")
    object = TextFilter(field_name="object_id", help_text="The object's id.")
    search = TextFilter(method="search_for", help_text="Part of the actor, the object or the reason.")
    # `from` is no name that Python lets a class body assign
    vars()["from"] = MomentFilter("at", "gte", help_text="Then or later (ISO 8601).")
    to = MomentFilter("at", "lt", help_text="Earlier (ISO 8601).")

    class Meta:
        model = Activity
        fields = ()

    def by(self, lines: QuerySet[Activity], name: str, who: str) -> QuerySet[Activity]:
        return narrowed(lines, who=who)

    def search_for(self, lines: QuerySet[Activity], name: str, text: str) -> QuerySet[Activity]:
        return narrowed(lines, text=text)


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
