"""Decoding happens elsewhere, within limits; whatever becomes of it, the next picture is read."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from pytest_django import Settings

from facetrack.core.picture_decoder import pool
from facetrack.core.picture_decoder.child import NICENESS
from facetrack.core.picture_decoder.headers import BadPicture, Stripped, stripped
from facetrack.core.picture_decoder.pool import Busy, Child, Decoder, Order, Places
from tests.hostile_pictures import many_scans, saved

PIXELS = Order("pixels")
SMALL = stripped(saved("PNG"), megapixels=1)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def its() -> Iterator[Decoder]:
    """A decoder of the test's own."""
    one = Decoder()
    yield one
    one.close()


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


def kept(its: Decoder) -> Child:
    """The one child that waits for its next picture."""
    (child,) = its._idle
    return child


def wait_for(true: Callable[[], object], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it has not come"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def works(its: Decoder) -> bool:
    return len(its.decode(SMALL, PIXELS).data) == 3 * 64 * 48


def test_it_is_another_process_that_decodes(its: Decoder) -> None:
    before = children()
    assert works(its)
    assert {kept(its).pid} == children() - before
    limits = Path(f"/proc/{kept(its).pid}/limits").read_text().splitlines()
    assert not [
        line for line in limits if line.startswith(("Max address", "Max cpu")) and "unlim" in line[26:36]
    ]
    environ = Path(f"/proc/{kept(its).pid}/environ").read_bytes()
    assert b"DATABASE_URL" not in environ
    assert b"FACETRACK" not in environ


def test_a_picture_gives_way_to_pages(its: Decoder) -> None:
    assert works(its)
    assert psutil.Process(kept(its).pid).nice() == min(19, psutil.Process().nice() + NICENESS)


def test_this_process_has_no_decoder_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(saved("PNG"))
    code = (
        "import sys, django; django.setup(); from facetrack.core.images import read_picture; "
        f"read_picture(open({str(path)!r}, 'rb'), megabytes=1, megapixels=1); "
        "print([name for name in sys.modules if name.startswith('PIL')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_one_child_decodes_many_pictures_and_is_replaced_some_time(
    its: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "MAX_PICTURES_OF_A_CHILD", 3)
    works(its)
    first = kept(its).pid
    works(its)
    assert kept(its).pid == first
    works(its)
    assert not its._idle
    assert not psutil.pid_exists(first)


def test_a_picture_has_so_much_processor_time(
    its: Decoder, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "WALL_FACTOR", 500)
    works(its)
    first, settings.FACETRACK_DECODE_SECONDS = kept(its).pid, 1
    costly = many_scans(400, side=7_000)
    with pytest.raises(BadPicture, match="too long"):
        its.decode(Stripped("JPEG", costly, 7_000, 7_000), PIXELS)
    assert not psutil.pid_exists(first)
    settings.FACETRACK_DECODE_SECONDS = 8
    assert works(its)


def test_one_that_hangs_is_killed(its: Decoder, settings: Settings) -> None:
    works(its)
    first, settings.FACETRACK_DECODE_SECONDS = kept(its).pid, 1
    os.kill(first, signal.SIGSTOP)
    with pytest.raises(Busy):
        its.decode(SMALL, PIXELS)
    assert not psutil.pid_exists(first)
    settings.FACETRACK_DECODE_SECONDS = 60
    assert works(its)


def test_a_picture_has_memory_for_its_size_only(its: Decoder) -> None:
    liar = Stripped("PNG", saved("PNG", 7_000, 7_000), 8, 8, orientation=6)
    with pytest.raises(BadPicture, match="memory"):
        its.decode(liar, Order("jpeg", max_side=4_000, max_bytes=1_000_000))
    assert works(its)


def test_a_decoder_that_crashes_takes_nobody_with_it(its: Decoder) -> None:
    works(its)
    first = kept(its)
    os.kill(first.pid, signal.SIGSTOP)
    killer = threading.Timer(0.2, os.kill, (first.pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(BadPicture, match="damaged"):
        its.decode(SMALL, PIXELS)
    killer.join()
    assert works(its)


def test_a_child_that_went_is_no_fault_of_the_picture(its: Decoder) -> None:
    works(its)
    first = kept(its)
    first._channel.shutdown(1)  # what the child sees when it has waited long enough, or its parent is gone
    wait_for(lambda: gone(first.pid))
    assert works(its)
    assert kept(its).pid != first.pid


def test_children_end_with_their_parent(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(saved("PNG"))
    code = (
        "import os, django, psutil; django.setup(); from facetrack.core.images import read_picture; "
        f"read_picture(open({str(path)!r}, 'rb'), megabytes=1, megapixels=1); "
        "print(psutil.Process().children()[0].pid, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, check=False)
    child = int(done.stdout)
    wait_for(lambda: gone(child))


def test_a_tenant_leaves_a_place_for_the_others(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "WAIT_SECONDS", 0.05)
    settings.FACETRACK_DECODERS = 2
    places = Places()
    with places.one("acme"):
        with pytest.raises(Busy, match="again in 5 seconds"), places.one("acme"):
            pass
        with places.one("other"), pytest.raises(Busy), places.one("third"):
            pass
    with places.one("acme"), places.one("third"):
        pass
    assert not places._taken
    assert not places._waiting


def test_with_one_place_only_one_has_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "WAIT_SECONDS", 0.05)
    settings.FACETRACK_DECODERS = 1
    places = Places()
    with places.one("acme"), pytest.raises(Busy), places.one(None):
        pass


def test_of_one_tenant_few_wait(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "WAIT_SECONDS", 60.0)
    monkeypatch.setattr(pool, "MAX_WAITING_OF_OWNER", 3)
    places, got = Places(), []

    def take() -> None:
        with places.one("acme"):
            got.append(1)

    with places.one("acme"):
        threads = [threading.Thread(target=take) for _ in range(3)]
        for thread in threads:
            thread.start()
        wait_for(lambda: places._waiting["acme"] == 3)
        with pytest.raises(Busy), places.one("acme"):
            pass
    for thread in threads:
        thread.join(20)
    assert got == [1, 1, 1]
