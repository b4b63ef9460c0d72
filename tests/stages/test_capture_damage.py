"""Files that are interlaced, damaged, cut off or full of holes: what can be is seen, the rest counted."""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import av
import numpy as np
import pytest

from cameras.rules import AddressPolicy
from tests.stages.listening import serving_http
from tests.stages.odd_clips import FPS, HEIGHT, INTERLACED, WIDTH, bar, combing, interlaced, noise, write
from tests.stages.test_capture_files import frames_of
from workers.recognition.capture import SourceError
from workers.recognition.capture.files.losses import Losses, loss_text
from workers.recognition.capture.files.source import FileSource
from workers.recognition.capture.network import NetworkSource
from workers.recognition.types import Picture

COUNT = 100
KEYS = {"g": "10"}


def bars() -> list[Picture]:
    return [bar(i) for i in range(COUNT)]


@pytest.mark.parametrize("name", INTERLACED)
def test_an_interlaced_file_is_seen_without_combs(tmp_path: Path, name: str) -> None:
    source = FileSource(str(interlaced(tmp_path, name)), fps=FPS)
    frames = frames_of(source)
    assert (len(frames), source.lost) == (20, 0)
    assert [frame.index for frame in frames] == list(range(20))
    for frame in frames[1:-1]:
        assert frame.picture.shape == (HEIGHT, WIDTH, 3)
        assert frame.picture.max() > 180, "it is black"
        assert combing(frame.picture) < 2, "two moments are in one picture"
    places = [float(np.argmax(frame.picture[:, :, 1].mean(axis=0))) for frame in frames[1:12]]
    assert places == sorted(places), "fields in the wrong order go back and forth"


class Interlaced(BaseHTTPRequestHandler):
    """A camera that sends an interlaced stream without end."""

    stream = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "video/mp2t")
        self.end_headers()
        try:
            for start in range(0, len(self.stream), 1880):
                self.wfile.write(self.stream[start : start + 1880])
                time.sleep(0.002)
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        pass


def live(port: int) -> NetworkSource:
    url = f"http://127.0.0.1:{port}/live"
    return NetworkSource("http", url, username="", password="", fps=1e6, policy=AddressPolicy(loopback=True))


@pytest.mark.parametrize("name", ["h264-top.ts", "mpeg2.ts"])
def test_an_interlaced_stream_is_seen_without_combs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(Interlaced, "stream", interlaced(tmp_path, name, 60).read_bytes())
    with serving_http(Interlaced) as port:
        source = live(port)
        frames = [frame for frame in (source.read() for _ in range(12)) if frame is not None]
        source.close()
    assert all(frame.picture.max() > 180 and combing(frame.picture) < 2 for frame in frames[1:])


@pytest.mark.parametrize(
    ("name", "codec"),
    [("clip.mp4", "libx264"), ("clip.mkv", "libx264"), ("clip.ts", "libx264"), ("clip.avi", "mpeg4")],
)
def test_a_clip_with_a_damaged_middle_goes_on_and_counts(tmp_path: Path, name: str, codec: str) -> None:
    source = FileSource(str(noise(write(tmp_path / name, codec, bars(), KEYS), 0.35, 0.5)), fps=FPS)
    frames = frames_of(source)
    assert np.abs(frames[-1].picture - bar(COUNT - 1).astype(float)).mean() < 8, "it goes on to the end"
    if not name.endswith("avi"):  # whose frames are numbered, and carry no times
        assert frames[-1].index == COUNT - 1, "what is after the damage has its place"
        assert frames[-1].at == pytest.approx(frames[-1].index / FPS)
    assert source.lost > 5
    assert len(frames) + source.lost == pytest.approx(COUNT, abs=2)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_a_download_that_was_cut_says_what_is_missing(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, "libx264", bars(), KEYS)
    if name.endswith("mp4"):
        path = front_loaded(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    source = FileSource(str(path), fps=FPS)
    frames = frames_of(source)
    assert 20 < len(frames) < 90
    assert len(frames) + source.lost == pytest.approx(COUNT, abs=3)


def front_loaded(path: Path) -> Path:
    """The same file with its index at its front, as for the web."""
    out = path.with_name("front.mp4")
    with (
        av.open(str(path)) as given,
        av.open(str(out), "w", options={"movflags": "+faststart"}) as written,
    ):
        stream = written.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                written.mux(packet)
    return out


def test_a_hole_in_a_recording_is_missing(tmp_path: Path) -> None:
    """No byte is damaged: three seconds were never written."""
    times = [*range(50), *range(125, 175)]
    path = write(tmp_path / "hole.ts", "libx264", bars(), KEYS | {"bf": "0"}, times=times)
    source = FileSource(str(path), fps=FPS)
    frames = frames_of(source)
    assert (len(frames), source.lost) == (100, 75)
    assert frames[-1].index == 174


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        *(("clip.mp4", "libx264"), ("clip.mkv", "libx264"), ("clip.ts", "libx264"), ("clip.avi", "mpeg4")),
        *(("clip.mpg", "mpeg2video"), ("clip.flv", "flv1"), ("clip.h264", "libx264"), ("clip.mov", "mpeg4")),
    ],
)
def test_a_sound_clip_has_lost_nothing(tmp_path: Path, name: str, codec: str) -> None:
    source = FileSource(str(write(tmp_path / name, codec, bars())), fps=FPS)
    frames = frames_of(source)
    assert (len(frames), source.lost) == (COUNT, 0)


def read_many(source: FileSource) -> None:
    for _ in range(COUNT * 4):
        source.read()


def test_a_clip_of_noise_alone_is_an_error_and_not_repeated_for_ever(tmp_path: Path) -> None:
    path = noise(write(tmp_path / "clip.mp4", "libx264", bars(), KEYS), 0.02, 0.7)
    source = FileSource(str(path), fps=FPS, loop=True)
    with pytest.raises(SourceError, match="can be decoded") as error:
        read_many(source)
    assert error.value.fix_hint
    source.close()


def test_a_damaged_clip_that_repeats_counts_each_round_and_keeps_its_pace(tmp_path: Path) -> None:
    path = noise(write(tmp_path / "clip.mp4", "libx264", bars(), KEYS), 0.35, 0.5)
    once = FileSource(str(path), fps=FPS)
    frames = len(frames_of(once))
    twice = FileSource(str(path), fps=FPS, loop=True)
    for _ in range(2 * frames):
        twice.read()
    assert twice.lost >= once.lost * 2 - 10
    twice.close()


def test_losses_are_told_in_frames_and_seconds() -> None:
    assert loss_text(0, 25) == ""
    assert loss_text(1, 25).startswith("1 frame (0.0 seconds)")
    assert loss_text(38, 30).startswith("38 frames (1.3 seconds)")
    assert loss_text(3, 0).startswith("3 frames of the source")


def test_time_stamps_that_mean_nothing_lose_nothing() -> None:
    losses = Losses(25.0)
    for start in (0.04, 0.04, 1e9, 1e9 + 0.04, 3.0):
        losses.note_frame(start, 0.04)
    assert losses.frames == 0
    losses.note_damage()
    losses.note_frame(1e12, 0.04)
    assert losses.note_end(1e12, None, 0) == 0


@pytest.mark.parametrize("lie", [1_000.0, 0.0])
def test_one_damaged_time_stamp_loses_nothing(lie: float) -> None:
    losses = Losses(25.0)
    times = [
        *(number * 0.04 for number in range(300, 310)),
        lie,
        *(number * 0.04 for number in range(311, 320)),
    ]
    for start, following in zip(times, [*times[1:], None], strict=True):
        losses.note_frame(start, 0.04, following)
    assert losses.note_end(lie, None, 0) == 0
    assert losses.frames == 0


def test_a_recording_that_begins_again_has_a_hole_where_it_has_one() -> None:
    losses = Losses(25.0)
    times = [500.0, 500.04, 0.0, 0.04, 2.04, 2.08]
    missing = [losses.note_frame(*pair) for pair in zip(times, [0.04] * 6, [*times[1:], None], strict=True)]
    assert missing == [0, 0, 0, 0, 49, 0]


def test_frames_of_unknown_length_miss_what_no_usual_gap_explains() -> None:
    losses = Losses(25.0)
    times = [0.0, 0.04, 0.08, 2.08, 2.12]
    missing = [losses.note_frame(*pair) for pair in zip(times, [0.0] * 5, [*times[1:], None], strict=True)]
    assert missing == [0, 0, 0, 49, 0]
    slides = Losses(25.0)
    assert sum(slides.note_frame(start, 0.0) for start in (0.0, 0.4, 0.8, 2.0, 5.0)) == 0


@pytest.mark.parametrize(("name", "codec"), [("clip.ts", "libx264"), ("clip.mpg", "mpeg2video")])
def test_a_stream_with_a_damaged_beginning_is_read_from_where_it_can_be(
    tmp_path: Path, name: str, codec: str
) -> None:
    source = FileSource(str(noise(write(tmp_path / name, codec, bars(), KEYS), 0, 0.1)), fps=FPS)
    frames = frames_of(source)
    assert 80 < len(frames) < COUNT
    assert np.abs(frames[-1].picture - bar(COUNT - 1).astype(float)).mean() < 8


def test_what_is_damaged_at_the_beginning_is_counted(tmp_path: Path) -> None:
    source = FileSource(str(noise(write(tmp_path / "clip.mp4", "libx264", bars(), KEYS), 0.05, 0.1)), fps=FPS)
    frames = frames_of(source)
    assert source.lost > 3
    assert len(frames) + source.lost == COUNT
    assert frames[0].index == source.lost


def test_frames_from_before_a_damage_that_come_after_it_do_not_hide_it() -> None:
    losses = Losses(25.0)
    losses.note_frame(0.0, 0.04)
    losses.note_damage()
    assert [losses.note_frame(start, 0.04) for start in (0.04, 0.08, 0.2)] == [0, 0, 2]
