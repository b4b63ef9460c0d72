"""A real S3 server for tests: Ceph's RADOS gateway over one in-memory store, all on loopback."""

import secrets
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STARTS = 5
PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")

_CONFIGURATION = """
[global]
fsid = {fsid}
mon_initial_members = a
mon_host = [v1:127.0.0.1:{mon_port}]
public_network = 127.0.0.0/8
ms_bind_ipv6 = false
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 2000
log_to_file = true
log_file = {folder}/$name.log
run_dir = {folder}
admin_socket = {folder}/$name.asok
pid_file = {folder}/$name.pid
[mon.a]
mon_data = {folder}/mon
[osd.0]
osd_data = {folder}/osd
osd_objectstore = memstore
memstore_device_bytes = 268435456
osd_memory_target = 939524096
osd_class_load_list = *
osd_class_default_list = *
[client.rgw]
rgw_frontends = beast endpoint=127.0.0.1:{port}
rgw_data = {folder}/rgw
rgw_run_sync_thread = false
rgw_thread_pool_size = 16
"""


@dataclass(frozen=True)
class S3:
    url: str
    access_key: str
    secret_key: str


def missing_programs() -> list[str]:
    return [name for name in PROGRAMS if shutil.which(name) is None]


@contextmanager
def s3_server(folder: Path) -> Iterator[S3]:
    """A server with an account and no buckets, for the length of a block."""
    port, mon_port = _free_port(), _free_port()
    for name in ("mon", "osd", "rgw"):
        (folder / name).mkdir(parents=True)
    configuration = folder / "ceph.conf"
    fsid, osd = str(uuid.uuid4()), str(uuid.uuid4())
    configuration.write_text(_CONFIGURATION.format(fsid=fsid, mon_port=mon_port, port=port, folder=folder))
    base = ["-c", str(configuration)]
    account = S3(f"http://127.0.0.1:{port}", secrets.token_hex(10), secrets.token_hex(20))
    running: list[subprocess.Popen[bytes]] = []
    try:
        _run(folder, "monmaptool", *base, "--create", "--clobber", "--fsid", fsid,
             "--addv", "a", f"[v1:127.0.0.1:{mon_port}]", str(folder / "monmap"))  # fmt: skip
        _run(folder, "ceph-mon", *base, "-i", "a", "--mkfs", "--monmap", str(folder / "monmap"))
        running.append(_start(folder, "ceph-mon", *base, "-i", "a", "-f"))
        _until(30, lambda: _ok("ceph", *base, "--connect-timeout", "2", "-s"), "the monitor")
        _until(30, lambda: _ok("ceph", *base, "osd", "new", osd), "an id for the store")
        _run(folder, "ceph-osd", *base, "-i", "0", "--mkfs", "--osd-uuid", osd)
        for _ in range(STARTS):
            store = _start(folder, "ceph-osd", *base, "-i", "0", "-f")
            running.append(store)
            if _up(base, store):
                break
        running.append(_start(folder, "radosgw", *base, "-n", "client.rgw", "-f"))
        _until(60, lambda: _listens(port), "the gateway")
        admin = ["radosgw-admin", *base, "-n", "client.rgw", "user", "create", "--uid=test"]
        keys = [f"--access-key={account.access_key}", f"--secret-key={account.secret_key}"]
        _run(folder, *admin, "--display-name=test", *keys)
        yield account
    finally:
        for process in reversed(running):
            process.send_signal(signal.SIGKILL)  # everything is in memory: nothing to write back
            process.wait()


def _up(base: list[str], store: subprocess.Popen[bytes]) -> bool:
    """Whether the store has joined. It gives up when it asks before it knows the cluster's id."""
    command = ["ceph", *base, "--connect-timeout", "5", "osd", "stat"]
    while store.poll() is None:
        if "1 up" in subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout:
            return True
        time.sleep(0.3)
    return False


def _start(folder: Path, *command: str) -> subprocess.Popen[bytes]:
    with (folder / f"{command[0]}.out").open("ab") as output:
        return subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)


def _run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120, check=False)
    assert done.returncode == 0, f"{command[0]}: {done.stderr[-2000:]}"


def _ok(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _until(seconds: float, true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what} did not start in {seconds:g} s"
        time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
