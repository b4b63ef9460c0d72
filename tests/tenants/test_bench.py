"""The benchmark of a request says what it should; how long things take is no test's business."""

import json

import pytest
from django.core.management import CommandError, call_command

from tenants.isolation.context import installation
from tenants.models import ApiKey, Tenant, User

WAYS = ("page by session", "api by session", "api by token", "api by key")


def test_it_measures_each_way_and_leaves_nothing(acme: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("bench_request", "--rounds", "2")
    told = json.loads(capsys.readouterr().out)
    assert set(told["cost_ms"]) == set(WAYS)
    for way in WAYS:
        assert 3 <= told["kinds"][way]["database_round_trips"] < 8
    assert told["kinds"]["page alone"]["database_round_trips"] == 0
    with installation():
        assert not User.objects.filter(email__endswith="@bench.invalid").exists()
        assert not ApiKey.objects.filter(name="bench").exists()


def test_it_refuses_no_rounds(acme: Tenant) -> None:
    with pytest.raises(CommandError, match="at least one round"):
        call_command("bench_request", "--rounds", "0")
