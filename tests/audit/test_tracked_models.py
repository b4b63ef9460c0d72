"""Every table has a line that says whether its changes are logged, and what the log may say of them."""

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models

from facetrack.core.crypto import EmbeddingField, EncryptedTextField
from tenants.audit import triggers
from tenants.audit.tracked_models import (
    TRACKED,
    TrackedModel,
    UntrackedModel,
    as_json,
    is_shown,
    logged_models,
    tracked_models,
)
from tenants.models import Tenant


def test_every_table_has_a_line_and_every_line_a_table() -> None:
    """A new model needs one: say in the tables.py of its app whether its changes are news."""
    known = {model._meta.label_lower for model in logged_models()}
    assert known == set(TRACKED)


def test_what_is_not_watched_says_why() -> None:
    assert all(len(line.because) > 10 for line in TRACKED.values() if isinstance(line, UntrackedModel))


@pytest.mark.parametrize("kind", [kind for kind, watch in TRACKED.items() if isinstance(watch, TrackedModel)])
def test_fields_that_are_named_exist(kind: str) -> None:
    watch = TRACKED[kind]
    assert isinstance(watch, TrackedModel)
    model = apps.get_model(kind)
    names = {column.name for column in model._meta.concrete_fields}
    assert watch.ignores | watch.hides | (watch.only or set()) | set(watch.verbs) <= names
    as_json(model, watch)


def test_values_that_may_be_secret_are_never_shown() -> None:
    for column in (
        EmbeddingField(name="x"),
        EncryptedTextField(name="x"),
        models.TextField(name="x"),
        models.JSONField(name="x"),
        models.CharField(name="password"),
        models.CharField(name="key_hash"),
        models.CharField(name="best_shot"),
        models.CharField(name="api_token"),
    ):
        assert not is_shown(column), column.name
    assert not is_shown(ArrayField(models.FloatField(), name="landmarks"))
    assert is_shown(models.CharField(name="name"))
    assert is_shown(ArrayField(models.UUIDField(), name="sites"))


def test_every_watched_table_of_every_schema_has_its_triggers(acme: Tenant) -> None:
    for schema, tenants in (("public", False), ("acme", True), ("other", True)):
        assert triggers.missing(connection, schema) == []
        assert list(tracked_models(tenants=tenants))
