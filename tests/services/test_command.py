"""manage.py: which commands bring services up, how they end, and the `devservices` command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import manage
from facetrack import devservices
from tests.services.conftest import (
    REPOSITORY,
    VALKEY_ALONE,
    Neighbour,
    alive,
    bare_environ,
    pid_of,
    service,
    wait_for,
)

# What a shell runs in the background is deaf to Ctrl-C, and what `nohup` runs to a hang-up: commands hear
# them again. Not by `preexec_fn`, which forks: beside gRPC (the client of Milvus, in other tests of this
# process) a fork aborts now and then before it is another program.
HEARS_SIGNALS = ("env", "--default-signal=INT,HUP")


@pytest.fixture
def var(root: Path) -> Path:
    """The folder that manage.py is given; services are in `devservices` in it."""
    (root / "services").mkdir()
    return root


def started(var: Path, *words: str) -> subprocess.Popen[str]:
    environ = bare_environ(
        FACETRACK_VAR_DIR=str(var),
        DJANGO_SETTINGS_MODULE="tests.services.bare_settings",
        **VALKEY_ALONE,
    )
    return subprocess.Popen(
        [*HEARS_SIGNALS, sys.executable, "manage.py", *words],
        cwd=REPOSITORY,
        env=environ,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def manage_py(var: Path, *words: str) -> tuple[int, str, str]:
    """Exit code, output and errors of one command."""
    process = started(var, *words)
    output, errors = process.communicate(timeout=200)
    return process.returncode, output, errors


@pytest.mark.parametrize(
    ("line", "needed"),
    [
        ("", False),
        ("help", False),
        ("help migrate", False),
        ("migrate --help", False),
        ("migrate -h", False),
        ("--version", False),
        ("check --deploy", False),
        ("services run -- manage.py migrate", False),
        ("replay clip.mp4 --json", False),
        ("makemigrations --check", False),
        ("makemigrations staff", True),
        ("worker --name gate --server https://faces.example.com", False),
        ("worker --server=https://faces.example.com", False),
        ("worker --name w1", True),
        ("migrate", True),
        ("web --port 8000", True),
        ("shell -c x", True),
    ],
)
def test_which_commands_need_services(line: str, needed: bool) -> None:
    assert manage.needs_services(["manage.py", *line.split()]) is needed


def test_a_command_has_its_services_and_gives_its_exit_code(var: Path) -> None:
    code, output, errors = manage_py(
        var, "shell", "-v0", "-c", "import os; print(os.environ['REDIS_URL'][:9]); raise SystemExit(7)"
    )
    assert (code, output.strip()) == (7, "redis://:"), errors
    assert alive(var / "services") == set()
    assert not (var / "services" / "postgres").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_command_ends_cleanly(var: Path, number: signal.Signals) -> None:
    process = started(var, "shell", "-v0", "-c", "import time; print('in', flush=True); time.sleep(60)")
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 128 + number
    assert "Traceback" not in errors
    assert alive(var / "services") == set()


def test_start_status_stop(var: Path) -> None:
    code, output, _ = manage_py(var, "services", "start")
    assert code == 0
    assert output.count("running") == 1
    assert "milvus.elsewhere:19530" in output
    code, output, _ = manage_py(var, "services", "status")
    assert all(word in output for word in ("Valkey", "9.", "127.0.0.1:", "/valkey/data", "external"))
    assert (var / "services" / "valkey" / "password").read_text() not in output
    code, output, _ = manage_py(var, "services", "stop", "--wipe")
    assert code == 0
    assert output.count("stopped") == 1
    assert not (var / "services" / "valkey").exists()


def test_stop_does_not_pull_services_from_under_others(var: Path) -> None:
    with Neighbour(var / "services"):
        code, _, errors = manage_py(var, "services", "stop", "--wipe")
        assert code == 1
        assert "--force" in errors
        assert alive(var / "services") == {"valkey"}
        code, _, errors = manage_py(var, "services", "stop", "--force")
        assert code == 0, errors
        assert alive(var / "services") == set()


def test_run_gives_the_urls_and_the_exit_code(var: Path) -> None:
    code, output, _ = manage_py(var, "services", "run", "--", "sh", "-c", "echo $REDIS_URL; exit 3")
    assert code == 3
    assert output.startswith("redis://:")
    assert alive(var / "services") == set()
    assert manage_py(var, "services", "run", "--", "no-such-program")[0] == 127
    assert manage_py(var, "services", "run")[0] == 1


def test_run_revives_what_dies_meanwhile_and_passes_sigterm_on(var: Path) -> None:
    valkey = service(var / "services", "valkey")
    process = started(var, "services", "run", "--", "sh", "-c", "echo in; exec sleep 60")
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    before = pid_of(valkey)
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: valkey.alive and pid_of(valkey) != before)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGTERM
    assert "Valkey died and was restarted" in errors
    assert alive(var / "services") == set()


def test_a_service_that_fails_is_one_clear_message(var: Path) -> None:
    (var / "services" / "valkey").mkdir()
    (var / "services" / "valkey" / "data").write_text("in the way")
    for words in (["shell", "-c", "pass"], ["services", "start"]):
        code, _, errors = manage_py(var, *words)
        assert code == 1
        assert "Traceback" not in errors
        assert "Valkey" in errors
    assert devservices.standings(var / "services", {})[1].state == "stopped"
