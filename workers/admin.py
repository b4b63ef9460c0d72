"""The operator's page for assigning machines' devices to tenants."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.decorators import display

from tenants.admin import installation_admin
from tenants.changelists import OfferedAdmin
from tenants.queries import customers
from workers.fleet.devices import assign_device, take_device_back
from workers.fleet.models import DeviceAssignment, Worker
from workers.fleet.queries import workers


@admin.register(DeviceAssignment, site=installation_admin)
class DeviceAssignmentAdmin(OfferedAdmin):
    """Assignments are added or removed, never changed: the cameras on a device have to end first."""

    list_display = ("host", "device", "tenant", "created_at")
    list_select_related = ("tenant",)
    search_fields = ("host", "tenant__name")
    fields = ("host", "device", "tenant")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        field.queryset = field.queryset.filter(pk__in=[tenant.pk for tenant in customers()])
        return field

    def save_model(
        self, request: HttpRequest, obj: DeviceAssignment, form: ModelForm[DeviceAssignment], change: bool
    ) -> None:
        given = assign_device(host=obj.host, device=obj.device, tenant=obj.tenant)
        obj.pk = given.pk

    def delete_model(self, request: HttpRequest, obj: DeviceAssignment) -> None:
        take_device_back(host=obj.host, device=obj.device, tenant=obj.tenant)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[DeviceAssignment]) -> None:
        for row in queryset.select_related("tenant"):
            self.delete_model(request, row)


@admin.register(Worker, site=installation_admin)
class WorkerAdmin(OfferedAdmin):
    """What each worker does and how it fares, for all customers together: the operator's to know."""

    list_display = (
        "name",
        "host",
        "shown_state",
        "running",
        "capacity",
        "load",
        "fps",
        "memory_megabytes",
        "queue_depth",
        "last_error",
        "beat_at",
    )
    search_fields = ("name", "host")
    fields = list_display

    def get_queryset(self, request: HttpRequest) -> QuerySet[Worker]:
        return workers()

    @display(description="state", ordering="shown_state")
    def shown_state(self, worker: Any) -> str:
        return str(Worker.State(worker.shown_state).label)

    @display(description="cameras", ordering="cameras")
    def running(self, worker: Any) -> int:
        return int(worker.cameras)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Worker | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Worker | None = None) -> bool:
        return False
