"""python -m tests.screenshots: write the pictures that README.md shows into docs/images."""

import os
import shutil
import sys
import time
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Literal
from urllib.error import URLError
from urllib.request import Request, urlopen

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from facetrack.devservices import ports, running, stop
from facetrack.devservices.process_group import manage, process_group

ROOT = Path(__file__).resolve().parents[2]
VAR = ROOT / "var" / "screenshots"
INTO = ROOT / "docs" / "images"
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]
STARTS_SECONDS = 120
PATIENCE = 60_000  # milliseconds


def main() -> int:
    if not CHROMIUM.exists():
        print("The screenshots need Debian's chromium: apt-get install chromium", file=sys.stderr)  # noqa: T201
        return 1
    if VAR.exists():
        stop(VAR / "services", wipe=True)
        shutil.rmtree(VAR)
    VAR.mkdir(parents=True)
    os.environ.update(
        FACETRACK_VAR_DIR=str(VAR),
        DJANGO_SETTINGS_MODULE="facetrack.settings",
        FACETRACK_TIME_ZONE=_where_it_is_noon(),
    )
    with running(VAR / "services"):
        _take(ports.pick(None))
    return 0


def _take(port: int) -> None:
    import django

    django.setup()
    from tests.screenshots.prepared import COURIER, EMAIL, HOST, prepare

    prepared = prepare()
    with process_group(logs=VAR / "log", say=print) as members, sync_playwright() as playwright:
        members.add("web", manage("web", "--port", str(port)))
        _wait_for_web(port, HOST)
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=[*ARGUMENTS, f"--host-resolver-rules=MAP {HOST} 127.0.0.1"]
        )
        page = browser.new_context(viewport={"width": 1120, "height": 760}).new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(f"http://{HOST}:{port}/")
        page.get_by_label("E-mail").fill(EMAIL)
        page.get_by_label("Password").fill(prepared.password)
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("#live-state")).to_have_text("Live", timeout=PATIENCE)
        expect(page.locator("#strip")).to_contain_text("Running")
        _shoot(page, "dashboard", "light")
        page.goto(f"http://{HOST}:{port}/people/visitors/{prepared.visitor}/")
        expect(page.get_by_role("heading", name=COURIER)).to_be_visible()
        _shoot(page, "visitor", "dark")
        browser.close()


def _shoot(page: Page, name: str, scheme: Literal["dark", "light"]) -> None:
    """The page as it stands, once all its pictures are there and nothing moves."""
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.wait_for_function("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    shown = Image.open(BytesIO(page.screenshot(animations="disabled", caret="hide")))
    shown.convert("RGB").save(INTO / f"{name}.webp", lossless=True, method=6)


def _where_it_is_noon() -> str:
    """So that a day of visits is of one day, at whatever time the pictures are made."""
    hours = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-hours:+d}"


def _wait_for_web(port: int, host: str) -> None:
    request = Request(f"http://127.0.0.1:{port}/login/", headers={"Host": host})
    deadline = time.monotonic() + STARTS_SECONDS
    while time.monotonic() < deadline:
        try:
            with urlopen(request, timeout=10):  # noqa: S310  loopback
                return
        except (URLError, OSError):
            time.sleep(0.3)
    raise SystemExit(f"The web server does not answer: {VAR / 'log' / 'web.log'} says why.")


if __name__ == "__main__":
    sys.exit(main())
