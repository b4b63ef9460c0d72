"""A web process loads no model library: they take memory and time, and only workers need them."""

import json
import subprocess
import sys

from tests.backing import ROOT

MODEL_LIBRARIES = {"onnxruntime", "insightface", "av", "scipy", "dlib"}
PROGRAM = """
import json, sys
import django
django.setup()
import facetrack.asgi, facetrack.urls, facetrack.urls_public
from django.urls import get_resolver
for urls in ("facetrack.urls", "facetrack.urls_public"):
    get_resolver(urls).reverse_dict
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_once_all_pages_are_known_no_model_library_is_loaded() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout))
    assert {"rest_framework", "visits", "workers", "cv2"} <= loaded, "it is a web process that was looked at"
    assert not loaded & MODEL_LIBRARIES
