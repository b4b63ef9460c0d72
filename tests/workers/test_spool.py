"""The spool: what could not be saved comes out whole, in order, once, also in the next process."""

import hashlib
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from django.utils import timezone
from msgspec.structs import replace

from cameras.models import Camera
from facetrack.core.crypto import encrypt
from tenants.models import Tenant
from tests.conftest import template_of
from visits.actions import forget_counted_tracks, record_track
from visits.models import CountedTrack, PassageCount, Sighting, SightingDecision, Visitor
from visits.track_facts import TrackFacts
from workers.fleet.models import CameraLease
from workers.process.sinks import outage, sighting_store
from workers.process.sinks.delivery import deliver
from workers.process.sinks.recorder import Recorder
from workers.process.sinks.spool import Spool, SpoolInUse
from workers.process.sinks.track_record import TrackRecord
from workers.recognition.types import Decision as Seen
from workers.recognition.types import TrackReport, Verdict

PICTURE = b"\xff\xd8\xff\xe0" + b"p" * 5000


def track_record(
    camera: UUID, tenant: UUID, *, track: int = 1, sequence: int = 0, epoch: int = 1
) -> TrackRecord:
    began = timezone.now() + timedelta(seconds=track)
    facts = TrackFacts(
        camera=camera,
        epoch=epoch,
        track=track,
        sequence=sequence,
        ended=True,
        decision=SightingDecision.NEW_VISITOR.value,
        person=None,
        score=0.1,
        reason="made by a test",
        started_at=began,
        last_seen_at=began + timedelta(seconds=3),
        faces=9,
        quality=0.7,
        pack="edgeface-xs",
        template=template_of(track),
        shot=PICTURE,
    )
    return TrackRecord(tenant, facts, 0.36, timezone.now())


def spool_in(path: Path, megabytes: float = 10) -> Spool:
    return Spool(path / "spool", megabytes=megabytes)


def test_what_goes_in_comes_out_the_same_in_order(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    track_records = [track_record(uuid4(), uuid4(), track=n) for n in range(12)]
    for one in track_records:
        spool.put(one)
    for one, (_, back) in zip(track_records, spool.track_records(), strict=True):
        assert np.array_equal(one.facts.template, back.facts.template)  # type: ignore[arg-type]
        assert replace(back.facts, template=None) == replace(one.facts, template=None)
        assert (back.tenant, back.link, back.known_at) == (one.tenant, one.link, one.known_at)


def test_nothing_on_disk_can_be_read(tmp_path: Path) -> None:
    spool_in(tmp_path).put(track_record(uuid4(), uuid4()))
    files = [path for path in (tmp_path / "spool").iterdir() if path.name != "lock"]
    assert len(files) == 2
    assert not any(b"new_visitor" in path.read_bytes() or b"pppp" in path.read_bytes() for path in files)


def test_the_next_process_delivers_what_this_one_left(acme: Tenant, camera: Camera, tmp_path: Path) -> None:
    first = spool_in(tmp_path)
    for n in (1, 2, 3):
        first.put(track_record(camera.pk, acme.pk, track=n))
    with pytest.raises(SpoolInUse):
        spool_in(tmp_path)
    first.close()
    (tmp_path / "spool" / "00000000000000000009.event.new").write_bytes(b"half of a let")
    second = spool_in(tmp_path)
    second.put(track_record(camera.pk, acme.pk, track=4))
    assert second.depth == 4
    assert deliver(second) == 4
    assert second.depth == 0
    assert list(Sighting.objects.order_by("started_at").values_list("track", flat=True)) == [1, 2, 3, 4]
    assert list(Visitor.objects.order_by("number").values_list("best_shot", flat=True).distinct()) != [""]


def test_what_arrives_twice_changes_nothing(acme: Tenant, camera: Camera, tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    one = track_record(camera.pk, acme.pk)
    for _ in range(2):
        spool.put(one)
    assert deliver(spool) == 2
    assert (Sighting.objects.count(), Visitor.objects.count()) == (1, 1)


class Lease:
    """A right that is sure."""

    epoch, sure = 1, True

    def database_time(self) -> datetime:
        return timezone.now()


def test_a_commit_whose_outcome_was_lost_is_counted_once(
    acme: Tenant, camera: Camera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks after PostgreSQL has committed: the worker cannot know, and sends it again."""
    spool = spool_in(tmp_path)
    recorder = Recorder(acme, camera.pk, Lease(), spool, pack="edgeface-xs", link=0.36)

    def lost(**given: Any) -> None:
        record_track(**given)
        raise outage.DATABASE_ERRORS[0]("the connection is lost during COMMIT")

    with monkeypatch.context() as patched:
        patched.setattr(sighting_store, "record_track", lost)
        recorder.record(passed_by(1))
    outage.over()
    assert (PassageCount.objects.get().tracks, spool.depth) == (1, 1)
    recorder.record(passed_by(2))  # behind the one that waits
    assert deliver(spool) == 2
    assert PassageCount.objects.get().tracks == 2
    forget_counted_tracks(before=timezone.now())
    assert (PassageCount.objects.get().tracks, CountedTrack.objects.count()) == (2, 0)


def passed_by(track: int) -> TrackReport:
    """Of somebody whom nobody could have recognised."""
    now = time.time()
    verdict = Verdict(Seen.REJECTED, None, 0.0, "not seen well enough")
    return TrackReport(track, 0, True, verdict, 0, 9, now, now, 9, 0, template=None, shot=None)


def test_damaged_letters_are_put_aside_and_hold_nobody_up(
    acme: Tenant, camera: Camera, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = spool_in(tmp_path)
    for n in (1, 2, 3):
        spool.put(track_record(camera.pk, acme.pk, track=n))
    victim = sorted((tmp_path / "spool").glob("*.event"))[1]
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    assert deliver(spool) == 2
    assert spool.depth == 0
    assert "its checksum is wrong" in caplog.text
    assert victim.with_name(victim.name + ".damaged").exists()


def written(folder: Path, name: str, plain: bytes) -> None:
    """A file as the spool writes it: whole, sealed with the right key, whatever is in it."""
    sealed = encrypt(plain)
    (folder / name).write_bytes(hashlib.sha256(sealed).digest() + sealed)


NO_RECORDS: dict[str, bytes] = {
    "empty": b"",
    "cut off": b'{"version":2,"tenant":"',
    "another type": b"[1]",
    "a newer version": b'{"version": 3}',
    "nested": b"[" * 30_000,
    "huge": b'"' + b"x" * 70_000 + b'"',
    "a huge number": b'{"version": 1e999}',
    "no text": b"\xff\xfe",
    "facts that are none": b'{"tenant":"'
    + b"0" * 32
    + b'","link":0,"known_at":"2026-11-28T00:00:00Z","facts":{}}',
}


def test_whatever_lies_in_the_spool_the_rest_is_delivered(
    acme: Tenant, camera: Camera, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "spool"
    first = spool_in(tmp_path)
    first.put(track_record(camera.pk, acme.pk, track=1))
    first.close()
    for n, plain in enumerate(NO_RECORDS.values(), start=2):
        written(folder, f"{n:020d}.event", plain)
    (folder / f"{50:020d}.event").write_bytes(b"short")
    (folder / f"{51:020d}.event").mkdir()
    (folder / "notes.event").write_text("of an operator")
    second = spool_in(tmp_path)
    second.put(track_record(camera.pk, acme.pk, track=60))
    assert second.depth == len(NO_RECORDS) + 4
    assert deliver(second) == 2
    assert second.depth == 0
    assert set(Sighting.objects.values_list("track", flat=True)) == {1, 60}
    assert len(list(folder.glob("*.damaged"))) == len(NO_RECORDS) + 2
    assert caplog.text.count("is set aside as") == len(NO_RECORDS) + 2
    assert "version: it is 3, and this program reads 1 to 2 only" in caplog.text
    assert (folder / "notes.event").exists()


def test_a_damaged_picture_does_not_take_the_record_with_it(
    acme: Tenant, camera: Camera, tmp_path: Path
) -> None:
    spool = spool_in(tmp_path)
    spool.put(track_record(camera.pk, acme.pk))
    picture = next((tmp_path / "spool").glob("*.picture"))
    picture.write_bytes(picture.read_bytes()[:-1])
    assert deliver(spool) == 1
    assert Sighting.objects.get().best_shot == ""
    assert picture.with_name(picture.name + ".damaged").exists()


def test_records_of_a_camera_that_went_away_before_are_dropped(
    acme: Tenant, camera: Camera, tmp_path: Path
) -> None:
    spool = spool_in(tmp_path)
    spool.put(track_record(camera.pk, acme.pk, epoch=1))
    CameraLease.objects.update(epoch=2)
    assert deliver(spool) == 0
    assert spool.depth == 0
    assert not Sighting.objects.exists()


def test_while_the_database_is_away_everything_stays(
    acme: Tenant, camera: Camera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = spool_in(tmp_path)
    for n in (1, 2):
        spool.put(track_record(camera.pk, acme.pk, track=n))

    def away(*_: object, **__: object) -> None:
        raise outage.DATABASE_ERRORS[0]("the connection is lost")

    with monkeypatch.context() as patched:
        patched.setattr(sighting_store, "record_track", away)
        assert deliver(spool) == 0
    assert outage.on()
    outage.over()
    assert (spool.depth, deliver(spool)) == (2, 2)


def test_a_full_spool_gives_up_pictures_before_records(tmp_path: Path) -> None:
    spool = spool_in(tmp_path, megabytes=0.06)
    for n in range(8):
        spool.put(track_record(uuid4(), uuid4(), track=n))
    left = [one.facts for _, one in spool.track_records()]
    assert [facts.track for facts in left] == list(range(8))
    kept = [facts.track for facts in left if facts.shot]
    assert 0 < len(kept) < 8
    assert kept == list(range(8))[-len(kept) :], "the oldest go first"
    assert "pictures are lost" in spool.alarm
    for n in range(8, 40):
        spool.put(track_record(uuid4(), uuid4(), track=n))
    tracks = [one.facts.track for _, one in spool.track_records()]
    assert len(tracks) < 40
    assert tracks[-1] == 39
    assert "records are lost" in spool.alarm
    used = sum(path.stat().st_size for path in (tmp_path / "spool").iterdir())
    assert used <= 60_000
