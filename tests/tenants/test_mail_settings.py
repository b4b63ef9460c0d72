"""Where mails go: a server that the environment names, else files that a newcomer finds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TELL = (
    "import django; django.setup();"
    "from django.conf import settings as s; from django.core.mail import send_mail;"
    "print(s.EMAIL_BACKEND.split('.')[-2], s.EMAIL_HOST, s.EMAIL_USE_TLS, s.EMAIL_USE_SSL);"
    "'filebased' in s.EMAIL_BACKEND and send_mail('Hello', 'a secret link', None, ['a@b.test'])"
)


def started(var: Path, url: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "facetrack.settings",
        "FACETRACK_VAR_DIR": str(var),
        "EMAIL_URL": url,
    }
    return subprocess.run(
        [sys.executable, "-c", TELL], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200
    )


def test_without_a_server_mails_are_files_for_their_owner_only(tmp_path: Path) -> None:
    run = started(tmp_path, "")
    assert run.returncode == 0, run.stderr
    folder = tmp_path / "mail"
    assert folder.stat().st_mode & 0o077 == 0
    assert "a secret link" in next(folder.iterdir()).read_text()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("submission://me:pw@mail.test:587", "smtp mail.test True False"),
        ("smtp://me:pw@mail.test:465?ssl=1", "smtp mail.test False True"),
    ],
)
def test_a_server_is_used_as_its_url_says(tmp_path: Path, url: str, told: str) -> None:
    assert started(tmp_path, url).stdout.strip() == told


def test_a_url_of_no_mail_server_stops_the_start_and_shows_no_password(tmp_path: Path) -> None:
    run = started(tmp_path, "https://me:secret@mail.test")
    assert run.returncode != 0
    assert "EMAIL_URL" in run.stderr
    assert "secret" not in run.stderr
