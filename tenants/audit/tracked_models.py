"""What the activity log says of changes of a table. Each app declares it for its own tables.

A line of a log that cannot be changed cannot be erased either. So it names visitors by number only, and
keeps no value that is personal, secret or a face: of those it says that they changed (see `is_shown`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Model

from facetrack.core.crypto import EncryptedTextField
from tenants.models import Verb
from tenants.rules.declarations import declare

_NO_VERBS: Mapping[str, Verb] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TrackedModel:
    """`label` are the fields that name a row; `site.name` is a field of what a foreign key leads to.

    `ignores` change so often that they are not logged; where `only` is given, other changes are not either.
    `hides` are values that the log must never show, beside those that `is_shown` finds. Without
    `created`, new rows are facts in themselves. `part_of` are fields with the id of the row that this one
    belongs to: what is deleted after it, in the same transaction, has no line of its own. A change of a field
    in `verbs` is called that.
    """

    label: tuple[str, ...]
    ignores: frozenset[str] = frozenset()
    only: frozenset[str] | None = None
    hides: frozenset[str] = frozenset()
    created: bool = True
    verbs: Mapping[str, Verb] = field(default_factory=lambda: _NO_VERBS)
    part_of: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class UntrackedModel:
    """A table whose changes are not logged. `because` says why."""

    because: str


def fields(text: str) -> frozenset[str]:
    """Names of fields, from a text with spaces between them."""
    return frozenset(text.split())


TRACKED: dict[str, TrackedModel | UntrackedModel] = {}
"""By the label of the model. Each app declares those of its own tables when it starts, with `track`."""


def track(tables: Mapping[str, TrackedModel | UntrackedModel]) -> None:
    """Declare whether changes of these tables are logged, by the labels of their models.

    For `ready` of the app that owns the tables. Raises ImproperlyConfigured for a table that was declared.
    """
    declare(TRACKED, tables)


_BOOKKEEPING = fields("id created_at updated_at created_by updated_by")
_PLAIN = (
    models.BooleanField,
    models.CharField,
    models.DateField,
    models.DecimalField,
    models.FloatField,
    models.ForeignKey,
    models.GenericIPAddressField,
    models.IntegerField,
    models.UUIDField,
)
_SENSITIVE = fields(
    "password secret token hash digest embedding template picture shot key salt seed code note"
)


def is_shown(column: models.Field[Any, Any]) -> bool:
    """Whether the log may say what a field was and is. Texts, JSON and bytes may hold anything: never."""
    holds = column
    if isinstance(column, ArrayField) and not isinstance(column.base_field, models.FloatField):
        holds = column.base_field  # sites and scopes, but not the numbers that make a face
    if not isinstance(holds, _PLAIN) or isinstance(holds, EncryptedTextField):
        return False
    return not _SENSITIVE & set(column.name.lower().split("_"))


def tracked_models(*, tenants: bool) -> Iterator[tuple[type[Model], TrackedModel]]:
    """The watched models whose tables are in tenants' schemas, or those of the shared schema."""
    for model in logged_models():
        watch = TRACKED.get(model._meta.label_lower)
        if isinstance(watch, TrackedModel) and is_of_tenants(model) == tenants:
            yield model, watch


def logged_models() -> Iterator[type[Model]]:
    """Every model with a table of its own, with those that Django makes for relations."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy:
            yield model


def is_of_tenants(model: type[Model]) -> bool:
    """Whether each tenant has a table of this model."""
    return apps.get_app_config(model._meta.app_label).name in settings.TENANT_APPS


def as_json(model: type[Model], watch: TrackedModel) -> dict[str, Any]:
    """What the trigger of a table is told; by columns, as PostgreSQL knows them."""
    columns = {column.name: column.column for column in model._meta.concrete_fields}
    shown = [
        column.column
        for column in model._meta.concrete_fields
        if column.name not in _BOOKKEEPING | watch.hides and is_shown(column)
    ]
    return {
        "kind": model._meta.label_lower,
        "key": model._meta.pk.column,
        "tenant": _tenant_column(model),
        "label": [_label_part(model, name) for name in watch.label],
        "shown": shown,
        "ignored": sorted(columns[name] for name in columns if name in _BOOKKEEPING | watch.ignores),
        "only": watch.only and sorted(columns[name] for name in watch.only),
        "part_of": sorted(columns[name] for name in watch.part_of),
        "verbs": {columns[name]: verb.value for name, verb in watch.verbs.items()},
    }


def _tenant_column(model: type[Model]) -> str | None:
    if model._meta.label == "tenants.Tenant":
        return "id"
    return (
        "tenant_id" if any(column.column == "tenant_id" for column in model._meta.concrete_fields) else None
    )


def _label_part(model: type[Model], name: str) -> list[str]:
    head, _, there = name.partition(".")
    column: Any = model._meta.get_field(head)
    if not there:
        return [column.column]
    target: Any = column.related_model
    return [column.column, target._meta.db_table, target._meta.get_field(there).column]
