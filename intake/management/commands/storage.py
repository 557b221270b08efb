import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.storage import Table, counted_since, covered_indexes, tables, unused_indexes

MEGABYTE = 1_000_000
COLUMNS = "table", "rows", "MB", "indexes MB", "bytes a row", "dead rows", "HOT"


class Command(BaseCommand):
    help = (
        "What tables and indexes take on disk, the largest first; how many updates no index heard of (HOT); and which "
        "indexes nobody asks or another one covers. See docs/scaling.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="tables and unused indexes of less than 1 MB too")
        parser.add_argument("--json", action="store_true", help="for programs: all of it")

    def handle(self, *args: Any, **options: Any) -> None:
        found, unused, covered, since = tables(), unused_indexes(), covered_indexes(), counted_since()
        if options["json"]:
            told = {
                "counted_since": since and since.isoformat(),
                "tables": list(map(asdict, found)),
                "unused_indexes": list(map(asdict, unused)),
                "covered_indexes": list(map(asdict, covered)),
            }
            self.stdout.write(json.dumps(told, indent=2))
            return
        least = 0 if options["all"] else MEGABYTE
        self.write_row(COLUMNS)
        for table in found:
            if table.total >= least:
                self.write_row(cells_of(table))
        beginning = f"{since:%Y-%m-%d}" if since else "the database was made"
        self.stdout.write(f"\nIndexes that nobody has asked since {beginning}:")
        for index in unused:
            if index.size >= least:
                self.stdout.write(f"  {index.name} of {index.table}, {index.size / MEGABYTE:,.1f} MB")
        self.stdout.write("\nIndexes that another one covers:")
        for each in covered:
            self.stdout.write(f"  {each.name} of {each.table}, by {each.by}")

    def write_row(self, cells: tuple[str, ...]) -> None:
        name, *figures = cells
        self.stdout.write(f"{name:36}" + "".join(f"{figure:>14}" for figure in figures))


def cells_of(table: Table) -> tuple[str, ...]:
    sizes = (f"{table.total / MEGABYTE:,.1f}", f"{table.indexes / MEGABYTE:,.1f}", f"{table.bytes_a_row:,.0f}")
    hot = "" if table.hot_share is None else f"{table.hot_share:.0%}"
    return (table.name, f"{table.rows:,}", *sizes, f"{table.dead:,}", hot)
