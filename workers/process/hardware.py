"""This machine's camera devices, model packs and accelerators."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from django.conf import settings


def devices() -> list[str]:
    """Camera devices that can be opened by number, such as /dev/video0."""
    found = [path for path in Path("/dev").glob("video[0-9]*") if path.name[5:].isdigit()]
    return [str(path) for path in sorted(found, key=lambda path: int(path.name[5:]))]


def accelerators() -> list[str]:
    """Accelerators that the models' runtime can use here, best first."""
    try:
        import onnxruntime
    except ImportError:
        return []
    return [str(name).removesuffix("ExecutionProvider") for name in onnxruntime.get_available_providers()]


def packs() -> list[str]:
    return [settings.FACETRACK_PACK]


def versions() -> dict[str, str]:
    """Versions that matter when two workers behave differently."""
    found = {}
    for name in ("django", "celery", "av", "onnxruntime", "opencv-python-headless"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
