"""A real Milvus server for tests, from the wheel `milvus`: the index must keep its promises there, too."""

from __future__ import annotations

import importlib.util
import signal
import time
from pathlib import Path
from typing import Any

from facetrack.devservices.milvus import Milvus

NO_SERVER = "needs the wheel `milvus`: requirements/milvus.txt"
ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ROOT / "var" / "milvus"
"""Where the wheel's programs are unpacked, 300 MB, for all runs."""


PORT_SECONDS = 120.0


def is_installed() -> bool:
    return importlib.util.find_spec("milvus") is not None


def _resolve(config: Any) -> None:
    """Choose its ports. The one that it is given is free again some time after a killed server."""
    deadline = time.monotonic() + PORT_SECONDS
    while True:
        try:
            config.resolve()
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
        else:
            return


class RealMilvus(Milvus):
    """Milvus 2.3 standalone, ready after about 10 s. It needs 700 MB; one machine can run one at a time,
    because its etcd has fixed ports."""

    name = "real-milvus"
    title = "Milvus"
    ready = "Proxy successfully started"
    steps = ((signal.SIGTERM, 10), (signal.SIGKILL, 10))

    @property
    def version(self) -> str:
        return "2.3"

    def start(self, port: int) -> None:
        """Serves on this port. Raises ServiceFailed."""
        import milvus

        unpack: Any = milvus._initialize_data_files
        unpack(str(PROGRAMS))
        config: Any = milvus.MilvusServerConfig(data_dir=str(self.data), proxy_port=port)
        _resolve(config)
        metrics, probe = config.resolve_port(9091)
        probe.close()
        binary = PROGRAMS / "bin" / "milvus"
        environ = {
            "DEPLOY_MODE": "STANDALONE",
            "HOME": str(self.data),
            "LD_LIBRARY_PATH": str(binary.parent),
            "METRICS_PORT": str(metrics),
            "MILVUS_RUN_DIR": str(self.data / "run"),
        }
        # It finds its settings in the folder in which it is started.
        argv = ["/bin/sh", "-c", 'cd "$0" && exec "$1" run standalone', str(self.data), str(binary)]
        self.daemon.launch(argv, port=port, environ=environ)
