import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from workers.recognition.slots import FairSemaphore


class Watched:
    """How many threads were inside at once, at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = self.most = 0

    def __enter__(self) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._now -= 1


def together(work: Callable[[], None], threads: int) -> None:
    """Raises what one of them raises, and TimeoutError where they wait for each other."""
    pool = ThreadPoolExecutor(threads)
    for future in [pool.submit(work) for _ in range(threads)]:
        future.result(timeout=20)
    pool.shutdown()


def test_no_more_than_so_many_at_once() -> None:
    turns, inside = FairSemaphore(2), Watched()

    def work() -> None:
        for _ in range(10):
            with turns.taken(), inside:
                time.sleep(0.001)

    together(work, 8)
    assert inside.most == 2


def test_who_waits_for_something_leaves_the_turn_to_another() -> None:
    turns, gone, computing = FairSemaphore(1), threading.Barrier(5), Watched()

    def work() -> None:
        with turns.taken():
            with turns.left():
                gone.wait(timeout=10)  # all five get here, although only one has a turn at a time
            with computing:
                time.sleep(0.001)

    together(work, 5)
    assert computing.most == 1


def test_turns_are_scarce_where_as_many_wait_as_have_one() -> None:
    turns, hold, asked = FairSemaphore(2), threading.Event(), threading.Semaphore(0)

    def work() -> None:
        asked.release()
        with turns.taken():
            hold.wait(timeout=10)

    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            pool.submit(work)
        for _ in range(3):
            assert asked.acquire(timeout=5)
        time.sleep(0.05)
        assert not turns.scarce()
        pool.submit(work)
        deadline = time.monotonic() + 5
        while not turns.scarce():
            assert time.monotonic() < deadline
            time.sleep(0.001)
        hold.set()
    assert not turns.scarce()


def test_who_came_first_is_first() -> None:
    """A thread that takes turn after turn does not overtake those that wait."""
    turns, order, over = FairSemaphore(1), list[str](), threading.Event()

    def greedy() -> None:
        while not over.is_set():
            with turns.taken():
                order.append("greedy")
                time.sleep(0.001)

    def patient() -> None:
        for _ in range(20):
            with turns.taken():
                order.append("patient")

    with ThreadPoolExecutor(2) as pool:
        pool.submit(greedy)
        try:
            pool.submit(patient).result(timeout=20)
        finally:
            over.set()
    both = order[order.index("patient") :]
    assert both.count("greedy") <= 25


def test_without_a_turn_there_is_nothing_to_leave() -> None:
    turns, inside = FairSemaphore(1), Watched()
    with turns.left(), turns.taken(), inside:
        pass
    together(lambda: _once(turns, inside), 3)
    assert inside.most == 1


def test_a_failure_gives_the_turn_back() -> None:
    turns = FairSemaphore(1)
    for _ in range(3):
        try:
            with turns.taken(), turns.left():
                raise ConnectionError
        except ConnectionError:
            pass
    together(lambda: _once(turns, Watched()), 2)


def _once(turns: FairSemaphore, inside: Watched) -> None:
    with turns.taken(), inside:
        time.sleep(0.001)
