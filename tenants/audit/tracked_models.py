"""Which tables the activity log watches, and what it says of them: one line a table.

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

from facetrack.lib.crypto import EncryptedTextField
from tenants.models import Verb

_NO_VERBS: Mapping[str, Verb] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TrackedModel:
    """`label` are the fields that name a row; `site.name` is a field of what a foreign key leads to.

    `ignores` change so often that they are not logged; where `only` is given, other changes are not either.
    `hides` are values that the log must never show, beside those that `is_shown` finds. Without
    `created`, new rows are facts in themselves. A change of a field in `verbs` is called that.
    """

    label: tuple[str, ...]
    ignores: frozenset[str] = frozenset()
    only: frozenset[str] | None = None
    hides: frozenset[str] = frozenset()
    created: bool = True
    verbs: Mapping[str, Verb] = field(default_factory=lambda: _NO_VERBS)


@dataclass(frozen=True, slots=True)
class UntrackedModel:
    """A table whose changes are not logged. `because` says why."""

    because: str


def _fields(text: str) -> frozenset[str]:
    return frozenset(text.split())


TRACKED: dict[str, TrackedModel | UntrackedModel] = {
    # shared tables
    "account.emailaddress": TrackedModel(("email",)),
    "account.emailconfirmation": UntrackedModel("links that wait for a click; addresses are watched"),
    "admin.logentry": UntrackedModel("Django's own log, which this one replaces"),
    "auth.group": TrackedModel(("name",)),
    "auth.group_permissions": TrackedModel(("group.name", "permission.codename")),
    "auth.permission": UntrackedModel("made by migrations"),
    "axes.accessattempt": UntrackedModel("failures are counted elsewhere, and noted themselves"),
    "axes.accessattemptexpiration": UntrackedModel("failures are counted elsewhere, and noted themselves"),
    "axes.accessfailurelog": UntrackedModel("failures are counted elsewhere, and noted themselves"),
    "axes.accesslog": UntrackedModel("logging in and out are noted themselves"),
    "contenttypes.contenttype": UntrackedModel("made by migrations"),
    "mfa.authenticator": TrackedModel(("user.email", "type"), ignores=_fields("last_used_at")),
    "tenants.session": UntrackedModel("logging in and out are noted themselves"),
    "tenants.activity": UntrackedModel("the log itself"),
    "tenants.activityhead": UntrackedModel("the log itself"),
    "tenants.apikey": TrackedModel(("name", "prefix"), ignores=_fields("last_used_at")),
    "tenants.attemptcount": UntrackedModel("counts of attempts, which are noted themselves"),
    "tenants.domain": TrackedModel(("domain",)),
    "tenants.tenantswitch": UntrackedModel("a switch that takes seconds; logging in there is noted"),
    "tenants.invitation": TrackedModel(("email",), ignores=_fields("sent_at mails digest")),
    "tenants.membership": TrackedModel(("user.email",), verbs={"role": Verb.ROLE_CHANGED}),
    "tenants.outbox": UntrackedModel("work on its way, which follows from changes that are logged"),
    "tenants.supportaccess": TrackedModel(("user.email",)),
    "tenants.tenant": TrackedModel(("name",)),
    "tenants.tenantlimits": TrackedModel(("tenant.name",)),
    "tenants.tenantusage": UntrackedModel("a sum that follows the pictures it counts"),
    "tenants.tokenfamily": UntrackedModel("tokens begin and end by the minute; logging in and out are noted"),
    "tenants.user": TrackedModel(("email",), ignores=_fields("last_login")),
    "tenants.user_groups": TrackedModel(("user.email", "group.name")),
    "tenants.user_user_permissions": TrackedModel(("user.email", "permission.codename")),
    "workers.cameralease": UntrackedModel("follows from switching cameras, which is logged"),
    "workers.deviceassignment": TrackedModel(("host", "device")),
    "workers.leasegrant": UntrackedModel("a log of its own, of who ran which camera"),
    "workers.worker": UntrackedModel("what processes say of themselves every few seconds"),
    # a tenant's own tables
    "cameras.camera": TrackedModel(
        ("name", "site.name"),
        ignores=_fields("worker epoch status status_detail started_at reported_at last_frame_at"),
        hides=_fields("location"),
    ),
    "cameras.cameracredential": TrackedModel(("camera.name",), hides=_fields("username password")),
    "cameras.site": TrackedModel(("name",), hides=_fields("address")),
    "staff.faceimage": TrackedModel(("staff_member.name",)),
    "staff.galleryversion": UntrackedModel("a counter that follows the rows it counts"),
    "staff.matchthresholds": TrackedModel(("pack",)),
    "staff.staffmember": TrackedModel(("name",), hides=_fields("email employee_number")),
    "visits.countedtrack": UntrackedModel("ids of tracks that are counted, without a person in them"),
    # Sightings come by the second and are facts themselves; who they were of is not to be rewritten unseen.
    "visits.liveevent": UntrackedModel("a journal for pages, cut every day"),
    "visits.merge": TrackedModel(("kept.number",), hides=_fields("gone sightings visits")),
    "visits.mergeproposal": TrackedModel((), only=_fields("state"), created=False),
    "visits.identityrejection": TrackedModel(("pack",)),
    "visits.passagecount": UntrackedModel("a count without a person in it"),
    "visits.sighting": TrackedModel(
        (), only=_fields("staff_member visitor decision camera started_at"), created=False
    ),
    "visits.visit": TrackedModel(
        (), only=_fields("staff_member visitor site camera started_at"), created=False
    ),
    "visits.visitor": TrackedModel(
        ("number",), only=_fields("name note number"), hides=_fields("name"), created=False
    ),
}

_BOOKKEEPING = _fields("id created_at updated_at created_by updated_by")
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
_SENSITIVE = _fields(
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
