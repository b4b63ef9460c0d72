"""Somebody of another customer who works meanwhile: signs in, looks at the dashboard, asks the API."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.chaos.results import quantile
from tests.siege.members import PASSWORD

ROUND_SECONDS = 1.5
"""A human pace; one address may send forty forms a minute and no more than sixty."""
PATIENCE = 30.0
WANTED = {"login page": 200, "sign-in": 302, "dashboard": 200, "list": 200, "live": 200}
API_LIST = "/api/v1/visits/?page_size=20"


@dataclass
class Phase:
    """What was answered in a part of the time."""

    milliseconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    refused: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)

    def p95(self) -> float:
        """Of all requests together."""
        every = [value for values in self.milliseconds.values() for value in values]
        return round(quantile(every, 0.95), 1) if every else 0.0

    def told(self) -> dict[str, Any]:
        kinds = {
            kind: {f"p{share}": round(quantile(values, share / 100)) for share in (50, 95, 100)}
            | {"requests": len(values)}
            for kind, values in self.milliseconds.items()
        }
        return {
            "p95_ms": self.p95(),
            "kinds": kinds,
            "refused": self.refused[:20],
            "faults": self.faults[:20],
            "unanswered": self.unanswered[:20],
        }


class Victim:
    """Works in a thread of its own while its block lasts."""

    def __init__(self, port: int, host: str, email: str) -> None:
        self._base, self._host, self._email = f"http://127.0.0.1:{port}", host, email
        self._cookies: dict[str, str] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.phases: dict[str, Phase] = defaultdict(Phase)
        self.phase = "before"

    def __enter__(self) -> Victim:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(5 * PATIENCE)

    def _work(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            with requests.Session() as browser:
                self._round(browser)
            self._over.wait(max(0.2, ROUND_SECONDS - (time.monotonic() - began)))

    def _round(self, browser: requests.Session) -> None:
        """As somebody who was here before, and has closed the browser since."""
        browser.headers["Host"] = self._host
        browser.cookies.update({k: v for k, v in self._cookies.items() if k.startswith("device-")})
        if self._asked(browser, "login page", "GET", "/login/") is None:
            return
        token = browser.cookies.get("csrftoken", "")
        form = {"username": self._email, "password": PASSWORD, "csrfmiddlewaretoken": token}
        if self._asked(browser, "sign-in", "POST", "/login/", data=form) is None:
            return
        self._cookies = browser.cookies.get_dict()
        self._asked(browser, "dashboard", "GET", "/")
        self._asked(browser, "list", "GET", API_LIST)

    def _asked(self, browser: requests.Session, kind: str, method: str, path: str, **more: Any) -> Any:
        """The answer; None where it is not the one that is wanted."""
        phase, began = self.phases[self.phase], time.monotonic()
        try:
            answer = browser.request(
                method, self._base + path, allow_redirects=False, timeout=PATIENCE, **more
            )
        except requests.RequestException as error:
            phase.unanswered.append(f"{kind}: {type(error).__name__}")
            phase.milliseconds[kind].append(1000 * (time.monotonic() - began))
            return None
        phase.milliseconds[kind].append(1000 * (time.monotonic() - began))
        if answer.status_code == WANTED[kind]:
            return answer
        said = f"{kind}: {answer.status_code} {answer.text[:200] if answer.status_code != 200 else ''}"
        (phase.faults if answer.status_code >= 500 else phase.refused).append(said)
        return None
