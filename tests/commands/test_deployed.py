"""check --deploy: clean for a real installation, and plain words for settings that open a door together."""

import pytest

from tests.deployed import check


def test_a_real_installation_is_clean() -> None:
    done = check()
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"FACETRACK_BEHIND_TLS": "0"}, "facetrack.W001"),
        ({"FACETRACK_DEBUG": "1"}, "facetrack.E003"),
        ({"FACETRACK_ALLOWED_HOSTS": "*"}, "facetrack.E004"),
        ({"FACETRACK_SECRET_KEY": ""}, "FACETRACK_SECRET_KEY is not set"),
        ({"FACETRACK_SECRET_KEY": "changeme" * 8}, "facetrack.E005"),
        ({"FACETRACK_SECRET_KEY": "abc123"}, "facetrack.E005"),
        ({"FACETRACK_ENCRYPTION_KEYS": ""}, "FACETRACK_ENCRYPTION_KEYS is not set"),
        ({"FACETRACK_ENCRYPTION_KEYS": "none"}, "facetrack.E002"),
        ({"FACETRACK_CAMERA_LOOPBACK": "1"}, "facetrack.E006"),
    ],
)
def test_what_opens_a_door_is_named(changed: dict[str, str], words: str) -> None:
    done = check(**changed)
    assert done.returncode != 0
    assert words in done.stderr
    secret = changed.get("FACETRACK_SECRET_KEY")
    assert not secret or secret not in done.stderr
