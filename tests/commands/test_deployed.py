"""check --deploy: clean for a real installation, and plain words for settings that open a door together.

A check is a process that takes seconds: what can be wrong at once is tried at once.
"""

import pytest

from tests.deployed import check

KNOWN = ("W001", "E002", "E003", "E004", "E005", "E006")
PLACEHOLDER = "changeme" * 8


def test_a_real_installation_is_clean() -> None:
    done = check()
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"FACETRACK_BEHIND_TLS": "0"}, {"W001"}),
        (
            {
                "FACETRACK_DEBUG": "1",
                "FACETRACK_ALLOWED_HOSTS": "*",
                "FACETRACK_SECRET_KEY": PLACEHOLDER,
                "FACETRACK_ENCRYPTION_KEYS": "none",
                "FACETRACK_CAMERA_LOOPBACK": "1",
            },
            {"E002", "E003", "E004", "E005", "E006"},
        ),
        ({"FACETRACK_SECRET_KEY": "abc123"}, {"E005"}),
    ],
)
def test_what_opens_a_door_is_named(changed: dict[str, str], found: set[str]) -> None:
    done = check(**changed)
    assert done.returncode != 0
    assert {line for line in KNOWN if f"facetrack.{line}" in done.stderr} == found, done.stderr
    secret = changed.get("FACETRACK_SECRET_KEY")
    assert not secret or secret not in done.stderr


@pytest.mark.parametrize("name", ["FACETRACK_SECRET_KEY", "FACETRACK_ENCRYPTION_KEYS"])
def test_a_secret_that_is_not_set_is_named(name: str) -> None:
    done = check(**{name: ""})
    assert done.returncode != 0
    assert f"{name} is not set" in done.stderr
