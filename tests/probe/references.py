"""The ways in which somebody can name a thing of tenant B: its key in every spelling, its texts."""

import random
import re
from base64 import urlsafe_b64encode
from typing import Any
from uuid import UUID

from django.core import signing
from django.db.models import Model
from django.utils import timezone

from facetrack.core import objects
from tests.probe.world import Party, World


def fitting(route: str, party: Party) -> list[type[Model]]:
    """The models that an address seems to be about, by its words, two together first; all that have rows
    if none."""
    words = {word.rstrip("s") for word in re.split(r"[^a-z]+", route.lower()) if len(word) > 3}
    pairs = {first + second for first in words for second in words}
    names = {model: (model._meta.model_name or "", model._meta.app_label.rstrip("s")) for model in party.rows}
    exact = [model for model, name in names.items() if name[0].rstrip("s") in pairs]
    exact = exact or [model for model, name in names.items() if name[0].rstrip("s") in words]
    close = [model for model, name in names.items() if any(name[0].startswith(word) for word in words)]
    return exact or close or [model for model, name in names.items() if name[1] in words] or list(party.rows)


def key_of(party: Party, route: str, dice: random.Random) -> Any:
    """The key of a row that fits the address, now and then of any row."""
    choice = fitting(route, party) if dice.random() < 0.75 else list(party.rows)
    filled = [model for model in choice if party.rows[model]] or [m for m in party.rows if party.rows[m]]
    return dice.choice(party.rows[dice.choice(filled)]).pk


def uuid_of(party: Party, route: str, dice: random.Random) -> UUID:
    for _ in range(20):
        key = key_of(party, route, dice)
        if isinstance(key, UUID):
            return key
    return UUID(str(party.tenant.pk))


def value_of_b(world: World, route: str, dice: random.Random, *, at_b: bool = False) -> str:
    """Something that names a thing of B. Not a link or session that is good `at_b`: they are B's keys."""
    key = key_of(world.b, route, dice)
    row = world.row_of_b(dice)
    kinds = [
        lambda: str(key),
        lambda: str(key),
        lambda: str(uuid_of(world.b, route, dice)),
        lambda: key.hex.upper() if isinstance(key, UUID) else str(key),
        lambda: _text_of(row, world.b),
        lambda: _cursor(key, dice),
        lambda: dice.choice([str(world.b.tenant.pk), world.b.host, world.b.tenant.name]),
        lambda: f"t_{world.b.tenant.pk.hex}",
        lambda: object_key(world.b, dice),
        lambda: picture_token(world, dice, at_b=at_b),
    ]
    return str(dice.choice(kinds)())


def object_key(party: Party, dice: random.Random) -> str:
    """The key of a stored picture."""
    found = [
        value
        for rows in party.rows.values()
        for row in rows
        for field in row._meta.concrete_fields
        if str(field.verbose_name) == "object key" and (value := getattr(row, field.attname))
    ]
    return str(dice.choice(found))


def picture_token(world: World, dice: random.Random, *, at_b: bool) -> str:
    """The last part of an address of a picture of B: true, spoilt, out of date, or signed for A."""
    key = object_key(world.b, dice)
    bucket = dice.choice([objects.RAW, objects.DERIVED])
    true = signing.dumps([bucket, key], salt=f"facetrack.picture.{world.b.tenant.pk}", compress=True)
    spoilt = true[:-2] + dice.choice("abcXYZ019") + true[-1]
    for_a = signing.dumps([bucket, key], salt=f"facetrack.picture.{world.a.tenant.pk}", compress=True)
    climbing = f"{world.a.tenant.pk}/../{key}"
    out = signing.dumps([bucket, climbing], salt=f"facetrack.picture.{world.a.tenant.pk}")
    choices = [spoilt + "x", for_a, out, f"{bucket}:{key}"]
    return dice.choice(choices if at_b else [true, *choices])


def _cursor(key: object, dice: random.Random) -> str:
    moment = dice.choice([timezone.now().isoformat(), "7"])
    return urlsafe_b64encode(f"{dice.choice('np')}|{moment}|{key}".encode()).decode()


def _text_of(row: Model, party: Party) -> str:
    texts = [getattr(row, field.attname) for field in row._meta.concrete_fields]
    marked = [text for text in texts if isinstance(text, str) and party.secrets.mark in text]
    return marked[0] if marked else str(row.pk)
