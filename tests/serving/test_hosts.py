"""Where the web server listens: one address or all, IPv4 and IPv6."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from django.conf import settings

from facetrack.devservices import ports
from facetrack.devservices.process_group import manage
from facetrack.serving.port import PortTaken, place_of, require_free


def has_ipv6() -> bool:
    with suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return True
    return False


six = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


def status(address: str, host: str, port: int) -> int | None:
    """What the login page answers there; None if nothing listens."""
    try:
        connection = http.client.HTTPConnection(address, port, timeout=60)
        connection.request("GET", "/healthz-that-is-no-page/", headers={"Host": host})
        return connection.getresponse().status
    except OSError:
        return None


@six
@pytest.mark.parametrize(
    ("given", "told", "listening"),
    [
        ("::", "http://localhost:{port}/", {"127.0.0.1": True, "::1": True}),
        ("[::1]", "http://[::1]:{port}/", {"127.0.0.1": False, "::1": True}),
    ],
)
def test_it_listens_where_it_says(
    django_db_setup: None, tmp_path: Path, given: str, told: str, listening: dict[str, bool]
) -> None:
    port, log = ports.pick(None), tmp_path / "web.log"
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    environ = os.environ | {"DATABASE_URL": f"{server}/{settings.DATABASES['default']['NAME']}"}
    environ.pop("PYTHONUNBUFFERED", None)  # what it says is in the log at once, all the same
    words = manage("web", "--host", given, "--port", str(port))
    with (
        log.open("wb") as out,
        subprocess.Popen(words, env=environ, stdout=out, stderr=subprocess.DEVNULL) as process,
    ):
        try:
            until = time.monotonic() + 120
            while status("::1", "localhost", port) is None and time.monotonic() < until:
                time.sleep(0.1)
            said = log.read_text()
            assert told.format(port=port) in said
            assert f"listening on [{given.strip('[]')}]:{port}" in said
            for address, expected in listening.items():
                hosts = ("localhost", place_of(address, port))
                answers = {status(address, host, port) for host in hosts}
                assert (400 not in answers, None not in answers) == (True, expected), (address, answers)
        finally:
            process.terminate()


@six
def test_a_port_that_is_taken_is_noticed_in_either_family() -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as taken:
        port = taken.getsockname()[1]
        for host in ("::", "::1", "127.0.0.1"):
            with pytest.raises(PortTaken, match=str(port)):
                require_free(host, port)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "1.2.3", "::g", "a" * 300, ""])
def test_what_is_no_address_is_told(host: str) -> None:
    if host:
        with pytest.raises(PortTaken):
            require_free(host, 1)
    assert place_of("2001:db8::1", 80) == "[2001:db8::1]:80"
