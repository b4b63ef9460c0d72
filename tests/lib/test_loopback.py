"""A proxy in the environment is asked for nothing that is on this machine."""

from __future__ import annotations

import os
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # its stubs leave it out

import pytest
from requests.utils import should_bypass_proxies

from facetrack.core.addresses.loopback import bypass_proxies, is_loopback
from facetrack.core.vectors import VisitorIndex
from tests.backing import DEAD_PROXY

HERE = ["127.0.0.1", "localhost", "acme.localhost", "[::1]"]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "localhost", "A.LocalHost."]
)
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "10.0.0.1", "localhost.example", "::2", "127.0.0.1.example"])
def test_others(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "before", [{}, {"no_proxy": "localhost"}, {"NO_PROXY": "corp.example, 10.0.0.0/8"}, {"no_proxy": ""}]
)
@pytest.mark.parametrize("host", HERE)
def test_libraries_go_there_directly_and_elsewhere_as_before(
    monkeypatch: pytest.MonkeyPatch, before: dict[str, str], host: str
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("no_proxy", before.get("no_proxy", ""))
    bypass_proxies(os.environ)
    bypass_proxies(os.environ)
    assert should_bypass_proxies(f"http://{host}:8000/", no_proxy=None)
    proxies = {"no": os.environ["no_proxy"]}
    assert proxy_bypass_environment(f"{host}:8000", proxies)
    assert not proxy_bypass_environment("elsewhere.example", proxies)
    assert bool(proxy_bypass_environment("corp.example", proxies)) is ("NO_PROXY" in before)
    assert os.environ["no_proxy"].count("127.0.0.1") == 1


def test_where_no_proxy_is_used_at_all_nothing_changes() -> None:
    environ = {"NO_PROXY": "*"}
    bypass_proxies(environ)
    assert environ == {"NO_PROXY": "*"}


def test_the_index_of_this_machine_is_reached_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, DEAD_PROXY)
    for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
    index = VisitorIndex(os.environ["MILVUS_URI"], "through-no-proxy")
    index._connected(5)
    index.close()
