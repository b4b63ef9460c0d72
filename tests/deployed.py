"""`manage.py check --deploy` with the settings of a real installation, which must be clean."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

from cryptography.fernet import Fernet

ROOT = Path(__file__).resolve().parent.parent


def check(**changed: str) -> subprocess.CompletedProcess[str]:
    """Run it in a process of its own, with the environment that docs/operations.md asks for, or changed."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FACETRACK_")}
    environ |= {
        "FACETRACK_VAR_DIR": os.environ.get("FACETRACK_VAR_DIR", str(ROOT / "var")),
        "FACETRACK_BEHIND_TLS": "1",
        "FACETRACK_ALLOWED_HOSTS": ".example.com",
        "FACETRACK_SECRET_KEY": secrets.token_urlsafe(48),
        "FACETRACK_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    }
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=environ | changed,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


if __name__ == "__main__":
    done = check()
    sys.stderr.write(done.stderr)
    sys.exit(done.returncode)
