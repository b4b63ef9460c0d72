"""What the admins ask before they act: the reason for deleting, and whether an action is meant."""

from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminTextInputWidget

from tenants.access.actor import REASON_LENGTH, because
from tenants.changelists import OfferedAdmin
from tenants.pages.activity.forms import ReasonForm


class AdminReasonForm(ReasonForm):
    """As the pages ask, in the looks of the admin."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["reason"]
        field.widget = UnfoldAdminTextInputWidget(attrs=field.widget.attrs | field.widget_attrs(field.widget))


class AsksReason(OfferedAdmin):
    """Deleting asks for a reason, as the pages do; the activity log keeps it."""

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        answered = _reason_of(request) if request.method == "POST" else ""
        if not answered:
            request.POST = QueryDict()  # Django asks where there is no answer
        with because(answered) if answered else nullcontext():
            answer: HttpResponse = super().delete_view(
                request, object_id, {"reason": AdminReasonForm()["reason"], **(extra_context or {})}
            )
        return answer

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        deletes = request.POST.get("action") == "delete_selected"
        answered = _reason_of(request) if deletes and "post" in request.POST else ""
        if deletes and not answered:
            asked = request.POST.copy()
            asked.pop("post", None)
            request.POST = asked  # type: ignore[assignment]
        with because(answered) if answered else nullcontext():
            answer = super().response_action(request, queryset)
        if deletes and isinstance(answer, TemplateResponse) and answer.context_data is not None:
            answer.context_data["reason"] = AdminReasonForm()["reason"]
        return answer


def _reason_of(request: HttpRequest) -> str:
    """The reason; empty, and the user is told, where there is no valid one."""
    form = ReasonForm(request.POST)
    if form.is_valid():
        return str(form.cleaned_data["reason"])
    messages.error(request, f"Nothing is deleted yet: say why, in at most {REASON_LENGTH} characters.")
    return ""


def confirmation(
    request: HttpRequest,
    model_admin: OfferedAdmin,
    *,
    action: str,
    title: str,
    rows: Iterable[str],
    keys: Iterable[UUID],
    costs: str,
) -> TemplateResponse:
    """Asks before an action on chosen rows: what it costs, and for which rows. The answer has `confirmed`."""
    context = {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "opts": model_admin.opts,
        "action": action,
        "rows": list(rows),
        "keys": list(keys),
        "costs": costs,
        "checkbox": ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "admin/confirm.html", context)


def whole_people(
    model_admin: OfferedAdmin, people: Iterable[Model], request: HttpRequest
) -> tuple[list[str], dict[str, int], set[str], list[str]]:
    """For `get_deleted_objects`: a person goes with all that was seen of them, whose rows are not listed.

    Who may delete the person may: their sightings have no permission of their own.
    """
    people = list(people)
    named = [f"{one}, with all pictures, sightings and visits" for one in people]
    opts = model_admin.opts
    refused = set() if model_admin.has_delete_permission(request) else {str(opts.verbose_name)}
    return named, {str(opts.verbose_name_plural): len(people)}, refused, []
