"""manage.py worker: what it refuses before it registers."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command

SERVER = "https://faces.example.com"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "gate 1"}, "letters, digits, - and _"),
        ({"name": "x" * 51}, "at most 50"),
        ({"capacity": 0}, "1 to 200 cameras, not 0"),
        ({"server": SERVER}, "needs this worker's API key"),
        ({"server": SERVER, "key_file": "/nowhere/key"}, "/nowhere/key cannot be read: No such file"),
        ({"server": "http://faces.example.com", "key_file": "KEY"}, "must begin with https"),
        ({"server": "http://localhost:8000", "key_file": "KEY"}, "must begin with https"),
        ({"server": f"{SERVER}/api/", "key_file": "KEY"}, "scheme and host only"),
        ({"server": SERVER, "key_file": "KEY", "site": "Gate"}, "must be a site's id .* not 'Gate'"),
        ({"key_file": "KEY"}, "without it a worker needs no key"),
    ],
)
def test_what_cannot_be_is_refused_in_words(tmp_path: Any, options: dict[str, Any], message: str) -> None:
    (tmp_path / "key").write_text("ft_x\n")
    given = {"key_file": tmp_path / "key"} if options.get("key_file") == "KEY" else {}
    words = [f"--{name.replace('_', '-')}={value}" for name, value in (options | given).items()]
    with pytest.raises(CommandError, match=message):
        call_command("worker", *words)
