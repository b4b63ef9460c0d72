"""Rows of every model for a tenant, whatever models there are: each key known, each text a canary."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from enum import Enum
from itertools import combinations, islice, product
from typing import Any
from uuid import uuid4

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import encrypt
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import DatabaseError, ProgrammingError, models, transaction
from django.db.models import NOT_PROVIDED, Model
from django.utils import timezone
from django_tenants.utils import tenant_context

from facetrack.core import objects
from facetrack.core.crypto import EmbeddingField
from tenants.isolation.context import installation
from tenants.isolation.policies import RULES, label_of, shared_models
from tenants.models import Tenant, User
from tests.conftest import template_of
from tests.probe.inventory import tenant_models
from tests.probe.secrets import Secrets
from visits.models import Merge

ROWS = 2
TRIES = 400
"""Values that a table's constraints refuse are replaced by others, so many times."""


class Writer(Enum):
    """The roles that write rows, in the order in which they are tried."""

    TENANT = 1
    INSTALLATION = 2


# What tables have accepted in this process. To know it saves each later world two thousand refusals.
_accepted: dict[tuple[type[Model], int], int] = {}
_writers: dict[type[Model], Writer] = {}
_holds_one: set[type[Model]] = set()


class CannotFill(AssertionError):
    """No row of a model could be made: the probe has nothing of it to ask for."""


def belongs(model: type[Model]) -> bool:
    """Whether rows of a shared model are somebody's: they name a tenant or a user."""
    return model in (Tenant, User) or any(
        field.related_model in (Tenant, User)
        for field in model._meta.concrete_fields
        if field.is_relation and field.name not in ("granted_by", "created_by", "updated_by")
    )


def theirs() -> list[type[Model]]:
    """The models of which a tenant has rows."""
    return [*tenant_models(), *(model for model in shared_models() if belongs(model))]


class Filler:
    """Makes rows of one tenant. What people made before, such as members, counts as filled."""

    def __init__(self, tenant: Tenant, secrets: Secrets) -> None:
        self.tenant, self.secrets = tenant, secrets
        self.rows: dict[type[Model], list[Model]] = {}

    def fill(self) -> None:
        """Raises CannotFill."""
        order = [model for model, number in _accepted if not number]
        wanted = sorted(theirs(), key=lambda model: order.index(model) if model in order else 0)
        self.take_stock()
        refused: dict[type[Model], str] = {}
        for _ in wanted:
            missing = [model for model in wanted if not self.rows.get(model)]
            if not missing:
                break
            refused = {model: why for model in missing if (why := self._make(model))}
            if len(refused) == len(missing):
                break
        self.secrets.of_installation = True
        self.take_stock()
        refused = {model: why for model, why in refused.items() if not self.rows.get(model)}
        if refused:
            raise CannotFill(
                "\n".join(f"no row of {label_of(model)}: {why}" for model, why in refused.items())
            )

    def take_stock(self) -> None:
        """Know all rows that there are by now, and their keys as secrets."""
        own = tenant_models()
        for model in theirs():
            try:
                self.rows[model] = self.readable(model)
            except ProgrammingError as error:
                raise CannotFill(f"no row of {label_of(model)}: {error}") from None
            for row in self.rows[model]:
                self.secrets.add(row.pk, shared=model not in own)

    def readable(self, model: type[Model]) -> list[Model]:
        """The tenant's rows of a model, as its own role sees them; else the installation's."""
        rows = model._base_manager.using("default")
        if model not in tenant_models() and "SELECT" not in RULES[label_of(model)].rights:
            names = {field.name: field.related_model for field in model._meta.concrete_fields}
            owner: dict[str, Any] = {"tenant": self.tenant} if names.get("tenant") is Tenant else {}
            members = self.rows.get(User, [])
            owner = owner or {"user__in": members} if names.get("user") is User else owner
            with installation():
                return list(rows.filter(**owner)) if owner else []
        with tenant_context(self.tenant):
            return list(rows.all())

    def _make(self, model: type[Model]) -> str:
        """Make rows; returns why none could be."""
        why = "a row that it needs is missing"
        self.secrets.of_installation = model not in tenant_models()
        for number in range(1 if model in _holds_one else ROWS):
            options = {f.attname: list(self._options(f, number)) for f in model._meta.concrete_fields}
            if not all(options.values()):
                return why
            for place, values in _best_first(list(islice(_variants(options), TRIES)), model, number):
                row = model(**values)
                if not (why := self._saved(row)):
                    self.rows[model].append(row)
                    _accepted[model, number] = place
                    break
            else:
                if number:
                    _holds_one.add(model)
                return why
        return ""

    def _saved(self, row: Model) -> str:
        """Save a row as whoever may; returns why nobody may."""
        why = ""
        for role in sorted(Writer, key=lambda role: role != _writers.get(type(row))):
            try:
                with self._as(role), transaction.atomic():
                    type(row)._base_manager.bulk_create([row])
                _writers[type(row)] = role
                return ""
            except (DatabaseError, ValueError, TypeError) as error:
                why = why or str(error).splitlines()[0]
        return why

    def _as(self, role: Writer) -> AbstractContextManager[None]:
        return tenant_context(self.tenant) if role is Writer.TENANT else installation()

    def _options(self, field: Any, number: int) -> Iterator[Any]:
        """What to try for a field, best first."""
        if field.is_relation:
            yield from self._related(field, number)
            return
        if field.choices:
            yield from dict.fromkeys([value for value, _ in field.flatchoices])
            return
        if field.null and isinstance(field, (models.IntegerField, models.FloatField)):
            yield from (None, *self._values(field, number))
            return
        if field.null and not isinstance(field, (models.CharField, models.TextField)):
            yield from (*self._values(field, number), None)
            return
        yield from self._values(field, number)

    def _related(self, field: Any, number: int) -> Iterator[Any]:
        known = self.rows.get(field.related_model) or self._of_nobody(field.related_model)
        if field.related_model is Tenant:
            yield self.tenant.pk
        elif known:
            first = known[0 if field.related_model is User else number % len(known)].pk
            yield first
            yield from (row.pk for row in known[: 0 if field.null else 6] if row.pk != first)
        if field.null:
            yield None

    def _of_nobody(self, model: type[Model]) -> list[Model]:
        """Rows of a table that holds nothing of anybody, such as Django's list of permissions."""
        if model in theirs():
            return []
        with installation():
            return list(model._base_manager.all()[:ROWS])

    def _values(self, field: Any, number: int) -> Iterator[Any]:
        now = timezone.now()
        match field:
            case EmbeddingField():
                yield template_of(uuid4().int % 2**32)
            case ArrayField():
                yield self._array(field, number)
            case models.UUIDField():
                yield uuid4()
            case models.BooleanField():
                yield from (True, False)
            case models.EmailField():
                yield f"{self.secrets.canary()}@example.test"
            case models.GenericIPAddressField():
                yield "192.0.2.7"
            case models.JSONField() if field.model is Merge:
                yield self._merged(number) if field.name == "gone" else []
            case models.JSONField() if field.model is Authenticator:
                yield {"seed": encrypt(self.secrets.canary()), "used_mask": 0, "note": self.secrets.canary()}
            case models.JSONField():
                yield {"note": self.secrets.canary()}
            case models.BinaryField():
                yield self.secrets.canary().encode().ljust(32, b".")
            case models.CharField() | models.TextField():
                yield self._text(field)
            case models.DurationField():
                yield timedelta(minutes=1)
            case models.DateTimeField():
                later = any(word in field.name for word in ("expire", "until", "end"))
                yield now + timedelta(hours=1) if later else now
            case models.DateField():
                yield now.date() - timedelta(days=number)
            case models.BigAutoField():
                yield self.secrets.number()
            case models.AutoField() | models.SmallAutoField():
                yield self.secrets.number(short=True)
            case models.IntegerField() if field.primary_key:
                yield self.secrets.number()
            case models.IntegerField() | models.FloatField() | models.DecimalField():
                given = number + 1 if field.default is NOT_PROVIDED or field.unique else field.get_default()
                yield from (given, 0) if isinstance(field, models.IntegerField) else (given, 0.5, 0.25)
            case _:
                raise CannotFill(
                    f"the probe does not know what to put into {field}: say it in tests/probe/rows"
                )

    def _array(self, field: Any, number: int) -> list[Any]:
        from cameras.models import Site

        if isinstance(field.base_field, models.UUIDField):
            return [site.pk for site in self.rows.get(Site, [])]
        if any(isinstance(validator, RegexValidator) for validator in field.base_field.validators):
            return []  # words of a list that the API knows, such as the scopes of a key
        return [next(self._values(field.base_field, number)) for _ in range(field.size or 1)]

    def _merged(self, number: int) -> dict[str, Any]:
        """What a merge keeps of the visitor who is gone."""
        name, now = self.secrets.canary(), timezone.now().isoformat()
        return {
            "id": str(uuid4()),
            "number": 9_000 + number,
            "name": name,
            "note": self.secrets.canary(),
            "pack": "edgeface-xs",
            "best_shot": objects.save(self.tenant.pk, name, f"a picture of {name}".encode()),
            "best_quality": 0.5,
            "template_weight": 1.0,
            "kept_weight": 1.0,
            "first_seen_at": now,
            "last_seen_at": now,
            "denials": [],
        }

    def _text(self, field: Any) -> str:
        canary = self.secrets.canary()
        if str(field.verbose_name) == "object key":
            return objects.save(self.tenant.pk, canary, f"a picture of {canary}".encode())
        return canary[: field.max_length] if field.max_length else canary


def _best_first(
    variants: list[dict[str, Any]], model: type[Model], number: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """All of them with their places; the one that was accepted before comes first."""
    known = _accepted.get((model, number), 0)
    places = sorted(range(len(variants)), key=lambda place: place != known)
    return ((place, variants[place]) for place in places)


def _variants(options: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """The best of all values, then all with one other value, then with two, three."""
    best = {name: values[0] for name, values in options.items()}
    open_ones = [name for name, values in options.items() if len(values) > 1]
    for count in range(4):
        for names in combinations(open_ones, count):
            for others in product(*(options[name][1:] for name in names)):
                yield best | dict(zip(names, others, strict=True))
