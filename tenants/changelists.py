"""Lists of both admins: they accept their own filters and no other parameters.

Django takes the name of any column from the address, also through relations, and narrows the list by it. So a
reader learns, one question after the other, values that no page shows: of another site, or a password's hash.
"""

from contextlib import suppress
from typing import Any

from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR, ChangeListSearchForm
from django.core.exceptions import BadRequest, ValidationError
from django.db import connection
from django.db.models import CharField, JSONField, QuerySet, TextField
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from facetrack.core.rows import hold
from facetrack.core.text.fields import LineInput
from tenants.filters.counted import CountedPaginator
from tenants.web.fields import ShallowJSONField
from tenants.web.versioned_forms import VersionedModelForm

MAX_SEARCH_LENGTH = 100
MAX_SEARCH_WORDS = 10
"""Each word is one more condition on every field that is searched."""


class SearchWords(LineInput):
    def __init__(self) -> None:
        super().__init__(required=False, strip=False, max_length=MAX_SEARCH_LENGTH)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if len(text.split()) > MAX_SEARCH_WORDS:
            raise ValidationError(f"Search for at most {MAX_SEARCH_WORDS} words.")
        return text


class OfferedSearchForm(ChangeListSearchForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields = {SEARCH_VAR: SearchWords()}


class OfferedChangeList(ChangeList):  # type: ignore[misc]
    """A list that is narrowed by exactly the parameters of its own filters.

    Raises DisallowedModelAdminLookup for any other, IncorrectLookupParameters for an invalid value.
    """

    search_form_class = OfferedSearchForm

    def get_filters(self, request: HttpRequest) -> tuple[Any, ...]:
        if any("\x00" in value for values in self.filter_params.values() for value in values):
            raise IncorrectLookupParameters("a parameter contains a NUL character")
        try:
            found: tuple[Any, ...] = super().get_filters(request)
        except (ValueError, OverflowError) as error:  # Django counts on beyond the last year
            raise IncorrectLookupParameters(error) from error
        if left := set(found[2]):
            raise DisallowedModelAdminLookup(f"This list has no filter {sorted(left)[0][:100]}.")
        return found


class VersionedInline:
    """For rows that are changed in the form of another: the same as `OfferedAdmin` does."""

    form = VersionedModelForm


class OfferedAdmin(ModelAdmin):  # type: ignore[misc]
    """The base class of all our admins. A change saves the fields that were sent, of a row that is held."""

    form: type[VersionedModelForm[Any]] = VersionedModelForm
    formfield_overrides = {JSONField: {"form_class": ShallowJSONField}}
    paginator = CountedPaginator
    show_full_result_count = False
    change_form_before_template = "admin/versions.html"

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The row; where its form was sent, as it is and stays until the change is saved."""
        changes = request.method == "POST" and _is_change(request) and self.has_change_permission(request)
        if changes and connection.in_atomic_block:
            with suppress(ValidationError, ValueError):
                hold(self.model, self.opts.pk.to_python(object_id))
        return super().get_object(request, object_id, from_field)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            obj.save(update_fields=form.sent_columns())
        else:
            super().save_model(request, obj, form, change)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Texts are searched without regard to case and accents."""
        return tuple(
            f"{name}__contains_folded" if _is_text(self.opts, name) else name for name in self.search_fields
        )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return OfferedChangeList

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """As Django's, which would answer an invalid key with 500."""
        for key in request.POST.getlist(ACTION_CHECKBOX_NAME):
            try:
                self.opts.pk.to_python(key)
            except ValidationError:
                raise BadRequest("a chosen row has an invalid id") from None
        return super().response_action(request, queryset)


def _is_text(options: Any, path: str) -> bool:
    """Whether the column that a path of relations leads to holds text."""
    *relations, name = path.split("__")
    for relation in relations:
        options = options.get_field(relation).related_model._meta
    return isinstance(options.get_field(name), CharField | TextField)


def _is_change(request: HttpRequest) -> bool:
    """Not a deletion: that locks what it deletes in an order of its own."""
    match = request.resolver_match
    return match is not None and (match.url_name or "").endswith("_change")
