"""What nobody waits for: that it is done, in one loop, and that its caller goes on."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from facetrack.core.background import run_in_background


def test_the_caller_goes_on_and_the_work_is_done() -> None:
    goes_on, done = threading.Event(), threading.Event()

    async def work() -> None:
        while not goes_on.is_set():
            await asyncio.sleep(0.001)
        done.set()

    run_in_background(work())
    goes_on.set()
    assert done.wait(5)


def test_all_work_shares_a_loop_and_none_waits_for_another() -> None:
    loops: list[asyncio.AbstractEventLoop] = []
    met, both = threading.Barrier(2), threading.Semaphore(0)

    async def work() -> None:
        loops.append(asyncio.get_running_loop())
        while len(loops) < 2:  # the other one has to get its turn meanwhile
            await asyncio.sleep(0.001)
        both.release()

    def call() -> None:
        met.wait(timeout=5)
        run_in_background(work())

    callers = [threading.Thread(target=call) for _ in range(2)]
    for caller in callers:
        caller.start()
    assert all(both.acquire(timeout=5) for _ in range(2))
    assert loops[0] is loops[1]


def test_what_goes_wrong_is_not_lost(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise ValueError("nobody would hear of this")

    run_in_background(work())
    deadline = time.monotonic() + 5
    while "nobody would hear of this" not in caplog.text:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_process_that_ends_at_once_does_it_nevertheless(tmp_path: Path) -> None:
    program = """
import asyncio, pathlib, sys
from facetrack.core.background import run_in_background

async def work():
    await asyncio.sleep(0.2)
    pathlib.Path(sys.argv[1]).write_text("done")

run_in_background(work())
"""
    done = tmp_path / "done"
    subprocess.run([sys.executable, "-c", program, str(done)], check=True, timeout=30)
    assert done.read_text() == "done"
