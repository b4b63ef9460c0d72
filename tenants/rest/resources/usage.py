"""How much of its limits a tenant has used, for its administrators."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.isolation.quotas import Resource, quotas, usage_of
from tenants.queries import active_tenant
from tenants.rest.views import ApiView


class QuotaSerializer(serializers.Serializer[Any]):
    resource = serializers.ChoiceField([(one.value, one.value) for one in Resource])
    used = serializers.IntegerField()
    limit = serializers.IntegerField(help_text="Beyond it, requests get 409 with the code quota_exceeded.")


class UsageSerializer(serializers.Serializer[Any]):
    quotas = QuotaSerializer(many=True)
    pictures_left_out = serializers.IntegerField(
        help_text="Sightings recorded without a picture since the storage became full."
    )
    storage_full_since = serializers.DateTimeField(allow_null=True)


class UsageView(ApiView):
    """How much the tenant uses of each limited resource, and its limits."""

    permission = "tenants.change_settings"
    further_problems = ("400",)

    @extend_schema(responses=UsageSerializer)
    def get(self, request: Request) -> Response:
        tenant = active_tenant()
        usage = usage_of(tenant)
        facts = {
            "quotas": quotas(tenant),
            "pictures_left_out": usage.left_out,
            "storage_full_since": usage.full_since,
        }
        return Response(UsageSerializer(facts).data)
