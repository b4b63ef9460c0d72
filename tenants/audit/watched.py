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
class Watch:
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
class Unwatched:
    """A table whose changes are not logged. `because` says why."""

    because: str


def _fields(text: str) -> frozenset[str]:
    return frozenset(text.split())


WATCHED: dict[str, Watch | Unwatched] = {
    # shared tables
    "account.emailaddress": Watch(("email",)),
    "account.emailconfirmation": Unwatched("links that wait for a click; addresses are watched"),
    "admin.logentry": Unwatched("Django's own log, which this one replaces"),
    "auth.group": Watch(("name",)),
    "auth.group_permissions": Watch(("group.name", "permission.codename")),
    "auth.permission": Unwatched("made by migrations"),
    "axes.accessattempt": Unwatched("failures are counted elsewhere, and noted themselves"),
    "axes.accessattemptexpiration": Unwatched("failures are counted elsewhere, and noted themselves"),
    "axes.accessfailurelog": Unwatched("failures are counted elsewhere, and noted themselves"),
    "axes.accesslog": Unwatched("logging in and out are noted themselves"),
    "contenttypes.contenttype": Unwatched("made by migrations"),
    "mfa.authenticator": Watch(("user.email", "type"), ignores=_fields("last_used_at")),
    "tenants.session": Unwatched("logging in and out are noted themselves"),
    "tenants.activity": Unwatched("the log itself"),
    "tenants.activityhead": Unwatched("the log itself"),
    "tenants.apikey": Watch(("name", "prefix"), ignores=_fields("last_used_at")),
    "tenants.attemptcount": Unwatched("counts of attempts, which are noted themselves"),
    "tenants.domain": Watch(("domain",)),
    "tenants.handover": Unwatched("a switch that takes seconds; logging in there is noted"),
    "tenants.invitation": Watch(("email",), ignores=_fields("sent_at mails digest")),
    "tenants.membership": Watch(("user.email",), verbs={"role": Verb.ROLE_CHANGED}),
    "tenants.outbox": Unwatched("work on its way, which follows from changes that are logged"),
    "tenants.supportaccess": Watch(("user.email",)),
    "tenants.tenant": Watch(("name",)),
    "tenants.tenantlimits": Watch(("tenant.name",)),
    "tenants.tenantusage": Unwatched("a sum that follows the pictures it counts"),
    "tenants.tokenfamily": Unwatched("tokens begin and end by the minute; logging in and out are noted"),
    "tenants.user": Watch(("email",), ignores=_fields("last_login")),
    "tenants.user_groups": Watch(("user.email", "group.name")),
    "tenants.user_user_permissions": Watch(("user.email", "permission.codename")),
    "workers.cameralease": Unwatched("follows from switching cameras, which is logged"),
    "workers.deviceassignment": Watch(("host", "device")),
    "workers.leasegrant": Unwatched("a log of its own, of who ran which camera"),
    "workers.worker": Unwatched("what processes say of themselves every few seconds"),
    # a tenant's own tables
    "cameras.camera": Watch(
        ("name", "site.name"),
        ignores=_fields("worker epoch status status_detail started_at reported_at last_frame_at"),
        hides=_fields("location"),
    ),
    "cameras.cameracredential": Watch(("camera.name",), hides=_fields("username password")),
    "cameras.site": Watch(("name",), hides=_fields("address")),
    "staff.faceimage": Watch(("staff_member.name",)),
    "staff.galleryversion": Unwatched("a counter that follows the rows it counts"),
    "staff.matchthresholds": Watch(("pack",)),
    "staff.staffmember": Watch(("name",), hides=_fields("email employee_number")),
    "visits.countedtrack": Unwatched("ids of tracks that are counted, without a person in them"),
    # Sightings come by the second and are facts themselves; who they were of is not to be rewritten unseen.
    "visits.liveevent": Unwatched("a journal for pages, cut every day"),
    "visits.merge": Watch(("kept.number",), hides=_fields("gone sightings visits")),
    "visits.mergeproposal": Watch((), only=_fields("state"), created=False),
    "visits.notthisperson": Watch(("pack",)),
    "visits.passagecount": Unwatched("a count without a person in it"),
    "visits.sighting": Watch(
        (), only=_fields("staff_member visitor decision camera started_at"), created=False
    ),
    "visits.visit": Watch((), only=_fields("staff_member visitor site camera started_at"), created=False),
    "visits.visitor": Watch(
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


def watched_models(*, tenants: bool) -> Iterator[tuple[type[Model], Watch]]:
    """The watched models whose tables are in tenants' schemas, or those of the shared schema."""
    for model in logged_models():
        watch = WATCHED.get(model._meta.label_lower)
        if isinstance(watch, Watch) and is_of_tenants(model) == tenants:
            yield model, watch


def logged_models() -> Iterator[type[Model]]:
    """Every model with a table of its own, with those that Django makes for relations."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy:
            yield model


def is_of_tenants(model: type[Model]) -> bool:
    """Whether each tenant has a table of this model."""
    return apps.get_app_config(model._meta.app_label).name in settings.TENANT_APPS


def as_json(model: type[Model], watch: Watch) -> dict[str, Any]:
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
