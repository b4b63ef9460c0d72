"""Times that follow the machine's clock when it is set, and never go back within a small correction."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.stages.odd_clips import FPS, bar, write
from workers.recognition.capture import source as capture_source
from workers.recognition.capture.files.source import FileSource
from workers.recognition.capture.source import JUMP_SECONDS, Clock

HOURS = 10_800.0


class MachineClock:
    """The two clocks of a machine, moved by the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.steady = 1_700_000_000.0, 500.0
        fake = SimpleNamespace(time=lambda: self.wall, monotonic=lambda: self.steady)
        monkeypatch.setattr(capture_source, "time", fake)

    def pass_by(self, seconds: float) -> None:
        self.wall, self.steady = self.wall + seconds, self.steady + seconds


@pytest.mark.parametrize("jump", [HOURS, -HOURS, JUMP_SECONDS * 1.5, -JUMP_SECONDS * 1.5])
def test_a_clock_that_is_set_is_followed_at_once(monkeypatch: pytest.MonkeyPatch, jump: float) -> None:
    machine = MachineClock(monkeypatch)
    clock = Clock()
    machine.pass_by(60)
    assert clock.now() == pytest.approx(machine.wall)
    machine.wall += jump
    assert clock.now() == pytest.approx(machine.wall)


def test_a_machine_that_slept_has_the_present_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """CLOCK_MONOTONIC stands still meanwhile."""
    machine = MachineClock(monkeypatch)
    clock = Clock()
    machine.wall += 8 * 3600
    assert clock.now() == pytest.approx(machine.wall)


@pytest.mark.parametrize("slew", [0.9, -0.9, 0.1, -0.1])
def test_a_small_correction_never_turns_time_back(monkeypatch: pytest.MonkeyPatch, slew: float) -> None:
    machine = MachineClock(monkeypatch)
    clock = Clock()
    machine.wall += slew
    times = []
    for _ in range(120):
        machine.pass_by(0.1)
        times.append(clock.now())
    assert times == sorted(set(times))
    assert times[-1] == pytest.approx(machine.wall, abs=0.05)


@pytest.mark.parametrize("jump", [HOURS, -HOURS])
def test_a_paced_file_follows_the_clock_and_keeps_its_pace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    """A clock set forward would make all frames due at once, one set back would stop the file for hours."""
    shift = [0.0]
    fake = SimpleNamespace(time=lambda: time.time() + shift[0], monotonic=time.monotonic)
    monkeypatch.setattr(capture_source, "time", fake)
    source = FileSource(
        str(write(tmp_path / "clip.mp4", "libx264", [bar(i) for i in range(30)])), fps=FPS, pace=True
    )
    before = [frame for frame in (source.read() for _ in range(5)) if frame is not None]
    shift[0] = jump
    asked = time.monotonic()
    after = [frame for frame in (source.read() for _ in range(10)) if frame is not None]
    passed = time.monotonic() - asked
    source.close()
    assert [frame.index for frame in before + after] == list(range(15))
    assert after[0].at - before[-1].at == pytest.approx(jump, abs=JUMP_SECONDS)
    assert passed > 0.2, "ten frames take 0.4 s"
    times = [frame.at for frame in after]
    assert times == sorted(set(times))
