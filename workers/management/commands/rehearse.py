"""manage.py rehearse: ticks of the supervisor for simulated fleets of several sizes."""

import json
from dataclasses import asdict, fields
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.table import Table

from workers.lab.fleet_load import FleetFigures, FleetRunning, measure_fleet

SIZES = ((1, 1_000, 50), (100, 1_000, 50), (1_000, 1_000, 50), (1_000, 10_000, 500))
"""Tenants, cameras, workers."""


class Command(BaseCommand):
    help = "Measure the supervisor: a tick for 1 to 1,000 tenants, and for 10,000 cameras on 500 workers."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            figures = [measure_fleet(tenants=t, cameras=c, workers=w) for t, c, w in SIZES]
        except FleetRunning as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            self.stdout.write(json.dumps([asdict(one) for one in figures], indent=2))
            return
        table = Table(title="Ticks of the supervisor")
        names = [field.name for field in fields(FleetFigures)]
        for name in names:
            table.add_column(name.replace("_", " "), justify="right")
        for one in figures:
            table.add_row(*(f"{getattr(one, name):,}" for name in names))
        Console().print(table)
