"""The record of a track as JSON: what goes in comes out, former forms are read, and nonsense is named."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.conftest import template_of
from visits.models import Sighting
from visits.track_codec import FIELDS, InvalidTrack, as_text, decoded, encoded
from visits.track_facts import (
    FIRST_DAY,
    LAST_DAY,
    MAX_COUNT,
    MAX_EPOCH,
    MAX_REASON,
    SCHEMA_VERSION,
    TrackFacts,
)
from workers.process.sinks.track_record import TrackRecord
from workers.recognition.models.catalogue import PACKS
from workers.recognition.types import Decision

NAIVE_FIRST, NAIVE_LAST = FIRST_DAY.replace(tzinfo=None), LAST_DAY.replace(tzinfo=None)
INSTANTS = st.datetimes(NAIVE_FIRST, NAIVE_LAST, timezones=st.just(UTC))
COUNTS = st.integers(0, MAX_COUNT)
REASONS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=MAX_REASON)
TRACKS = st.builds(
    TrackFacts,
    camera=st.uuids(),
    epoch=st.integers(0, MAX_EPOCH),
    track=COUNTS,
    sequence=COUNTS,
    ended=st.booleans(),
    decision=st.sampled_from([one.value for one in Decision]),
    person=st.none() | st.uuids(),
    score=st.floats(-1.01, 1.01),
    reason=REASONS,
    started_at=INSTANTS,
    last_seen_at=INSTANTS,
    faces=COUNTS,
    quality=st.floats(0, 1),
    pack=st.sampled_from(sorted(PACKS)),
    template=st.integers(0, 50).map(template_of),
    shot=st.none() | st.binary(min_size=1, max_size=50),
)
RECORDS = st.builds(TrackRecord, st.uuids(), TRACKS, st.floats(-1, 1), INSTANTS)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def a_track(**values: Any) -> TrackFacts:
    now = datetime(2026, 11, 28, 1, 2, 3, 456789, tzinfo=UTC)
    facts: dict[str, Any] = {
        "camera": UUID(int=1),
        "epoch": 1,
        "track": 2,
        "sequence": 0,
        "ended": True,
        "decision": "new_visitor",
        "person": None,
        "score": 0.1,
        "reason": "made by a test",
        "started_at": now,
        "last_seen_at": now + timedelta(seconds=3),
        "faces": 9,
        "quality": 0.7,
        "pack": "edgeface-xs",
        "template": template_of(1),
        "shot": b"a picture",
    }
    return TrackFacts(**facts | values)


def a_record(**values: Any) -> TrackRecord:
    return TrackRecord(UUID(int=7), a_track(**values), 0.36, datetime(2026, 11, 28, tzinfo=UTC))


def same(one: TrackFacts, other: TrackFacts) -> bool:
    return np.array_equal(one.template, other.template) and (  # type: ignore[arg-type]
        replace(one, template=None) == replace(other, template=None)
    )


@given(RECORDS)
def test_what_is_sealed_is_opened_the_same(record: TrackRecord) -> None:
    back = TrackRecord.opened(*record.sealed())
    assert same(back.facts, record.facts)
    assert (back.tenant, back.link, back.known_at) == (record.tenant, record.link, record.known_at)


@given(TRACKS)
def test_over_https_and_on_disk_it_is_the_same(facts: TrackFacts) -> None:
    sent = json.loads(json.dumps(encoded(facts)))
    on_disk = json.loads(TrackRecord(UUID(int=7), facts, 0.36, FIRST_DAY).sealed()[0])
    assert on_disk["facts"] == sent
    assert same(decoded(sent, shot=facts.shot), facts)


@given(st.sampled_from(sorted(FIELDS)), JSON)
def test_any_value_is_taken_or_refused_by_the_name_of_its_field(name: str, value: Any) -> None:
    values = encoded(a_track()) | {name: value}
    refused: set[str] = set()
    try:
        found = decoded(values, shot=None)
        assert same(decoded(json.loads(json.dumps(encoded(found))), shot=None), found)
    except InvalidTrack as error:
        refused = set(error.errors)
    assert refused <= {name}


@given(st.binary(max_size=200), st.integers(0, 5000))
def test_bytes_that_are_no_record_are_refused(noise: bytes, cut: int) -> None:
    event = a_record().sealed()[0]
    for damaged in (noise, event[: cut % len(event)], noise + event):
        if damaged.strip() != event:
            with pytest.raises(InvalidTrack):
                TrackRecord.opened(damaged, b"")


WRONG: list[tuple[str, Any, str]] = [
    ("version", SCHEMA_VERSION + 1, "version: it is 3"),
    ("version", 0, "version: it is 0"),
    ("version", "2", "version"),
    ("tenant", "acme", "tenant"),
    ("known_at", "2026-11-28T00:00:00", "timezone"),
    ("link", "x", "link"),
    ("facts", None, "facts"),
    ("facts", [], "facts"),
    ("colour", "blue", "colour"),
    ("facts.colour", "blue", "colour: there is no such field"),
    ("facts.epoch", 10**18, "epoch: Expected `int`"),
    ("facts.track", -1, "track"),
    ("facts.track", True, "track"),
    ("facts.score", None, "score"),
    ("facts.started_at", "2026-11-28T00:00:00", "started_at: Expected `datetime` with a timezone"),
    ("facts.last_seen_at", "9999-12-31T23:59:59-12:00", "last_seen_at: Expected a time from"),
    ("facts.reason", "x" * 301, "reason"),
    ("facts.reason", "a\x00b", "reason"),
    ("facts.decision", "staff\n", "decision: Expected one of"),
    ("facts.pack", "../edgeface", "pack: Expected one of"),
    ("facts.template", None, "template: Only a rejected track"),
    ("facts.template", 5, "template"),
    ("facts.template", "é" * 40, "template"),
    ("facts.template", as_text(template_of(1)[:128]), "template: A template has 2048 bytes"),
    ("facts.template", as_text(np.full(512, np.nan, dtype=np.float32)), "template: A template must be"),
    ("facts.template", as_text(np.zeros(512, dtype=np.float32)), "template: A template must be"),
    ("facts.template", "A" * 1_000_000, "template: A template has at most"),
]


@pytest.mark.parametrize(("where", "value", "said"), WRONG)
def test_what_is_wrong_is_named(where: str, value: Any, said: str) -> None:
    body = json.loads(a_record().sealed()[0])
    outer, _, inner = where.partition(".")
    (body[outer] if inner else body)[inner or outer] = value
    with pytest.raises(InvalidTrack, match=said):
        TrackRecord.opened(json.dumps(body).encode(), b"")


def test_what_memory_holds_and_json_does_not_is_refused_when_it_is_read() -> None:
    with pytest.raises(InvalidTrack, match="score"):
        TrackRecord.opened(*a_record(score=float("nan")).sealed())
    for event in (b"[" * 50_000, b'{"version": 1e999}', b'{"version": ' + b"9" * 5000 + b"}", b"\xff", b""):
        with pytest.raises(InvalidTrack):
            TrackRecord.opened(event, b"")


def test_times_of_other_zones_are_the_same_instant() -> None:
    there = timezone(timedelta(hours=5))
    facts = a_track(started_at=datetime(2026, 11, 28, 5, tzinfo=there))
    assert decoded(encoded(facts), shot=None).started_at == datetime(2026, 11, 28, tzinfo=UTC)


def test_every_field_is_stored_sent_and_described() -> None:
    """A new field of the record is in a sighting's row, or a reason stands here why not."""
    columns = {field.name for field in Sighting._meta.get_fields()}
    elsewhere = {"person", "ended", "shot"}  # staff_member or visitor; of the event alone; best_shot
    assert set(TrackFacts.__struct_fields__) - columns == elsewhere
    assert set(FIELDS) == set(TrackFacts.__struct_fields__) - {"shot"}
    assert all(msgspec.json.encode(field.schema()) != b"{}" for field in FIELDS.values())
