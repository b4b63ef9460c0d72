"""Tables are declared by the app that owns them, once."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from tenants.audit.tracked_models import TRACKED, UntrackedModel, track
from tenants.isolation.policies import CLOSED, RULES, isolate

ROOT = Path(__file__).resolve().parent.parent.parent


def test_a_table_is_declared_once() -> None:
    rules, tracked = dict(RULES), dict(TRACKED)
    with pytest.raises(ImproperlyConfigured, match=r"workers\.worker"):
        isolate({"workers.new": CLOSED, "workers.worker": CLOSED})
    with pytest.raises(ImproperlyConfigured, match=r"staff\.staffmember"):
        track({"staff.new": UntrackedModel("not there"), "staff.staffmember": UntrackedModel("not there")})
    assert (rules, tracked) == (RULES, TRACKED), "nothing of it is added"


@pytest.mark.parametrize("app", ["tenants", "cameras", "staff", "visits", "workers"])
def test_an_app_declares_no_table_of_another(app: str) -> None:
    declared = re.findall(r'^    "(\w+)\.\w+": ', (ROOT / app / "tables.py").read_text(), re.M)
    ours = {"tenants", "cameras", "staff", "visits", "workers"} - {app}
    assert app in declared
    assert not ours & set(declared)


def test_every_declared_table_is_of_an_app() -> None:
    for label in {*RULES, *TRACKED}:
        assert apps.get_model(label)


def test_tenants_names_no_table_of_the_apps_above_it() -> None:
    above = [
        model
        for model in apps.get_models()
        if model._meta.app_label in ("cameras", "staff", "visits", "workers")
    ]
    options = [model._meta for model in above]
    names = "|".join(re.escape(name) for one in options for name in (one.label_lower, one.db_table))
    files = [path for path in (ROOT / "tenants").rglob("*.py") if "migrations" not in path.parts]
    found = {path.name: re.findall(rf"\b(?:{names})\b", path.read_text()) for path in files}
    assert len(above) > 15
    assert not {name: named for name, named in found.items() if named}
