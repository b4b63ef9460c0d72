"""The load of an ordinary day, before anything is measured: both customers do what customers do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import requests

from tests.hostile_pictures import saved
from tests.siege.members import Customer, bearer

UPLOADS, SIDE = 3, 3_000
PATHS = ("/", "/visits/", "/cameras/wall/", "/admin/visits/visit/", "/api/v1/sightings/?page_size=200")


def load(port: int, customers: list[Customer], browsers: list[requests.Session], cameras: list[str]) -> None:
    """Pages, lists, pictures and streams of each customer, at the same time."""
    with ThreadPoolExecutor(len(customers)) as pool:
        works = zip(customers, browsers, cameras, strict=True)
        for one in [pool.submit(_work, port, *work) for work in works]:
            one.result()


def _work(port: int, customer: Customer, browser: requests.Session, camera: str) -> None:
    base = f"http://127.0.0.1:{port}"
    headers = {"Host": customer.host, **bearer(port, customer.host, customer.people()[0])}
    upload, picture = f"{base}/api/v1/staff/{customer.staff}/faces/", saved("JPEG", SIDE, SIDE)
    with ExitStack() as stack:
        for path in (f"/api/v1/cameras/{camera}/live.mjpg/", "/api/v1/events/stream/"):
            stream = requests.get(base + path, headers=headers, stream=True, timeout=30)
            stack.enter_context(stream)
            assert stream.status_code == 200, stream.text
        for number in range(UPLOADS):
            for path in PATHS:
                answer = browser.get(base + path, timeout=30)
                assert answer.status_code == 200, (path, answer.text)
            # Bytes behind its end make it another file.
            file = {"picture": ("a.jpg", picture + bytes(number + 1))}
            requests.post(upload, headers=headers, files=file, timeout=60)
        tested = f"{base}/api/v1/cameras/{camera}/test/"
        assert requests.post(tested, headers=headers, timeout=60).status_code == 200
