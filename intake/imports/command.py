"""What the import commands have in common: their options, their progress bar, and the line they end with."""

import sys
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from accounts.clock import database_now
from accounts.models import Brand, validate_timezone
from intake.imports.kinds import ImportKind
from intake.imports.mapping import ImportRefused, read_mapping
from intake.imports.reading import Source, fingerprint
from intake.imports.running import Import, Tally, run_import, try_import

REASONS_TOLD = 5


class ImportCommand(BaseCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="CSV or CSV.gz, UTF-8, the first line the columns")
        parser.add_argument("--brand", required=True, metavar="SLUG")
        parser.add_argument(
            "--mapping", type=Path, metavar="FILE.toml", help='ours = "theirs"; words in [values.state] theirs = "ours"'
        )
        parser.add_argument("--timezone", metavar="TZ", help="of times that name none; the brand's unless said")
        parser.add_argument("--dry-run", action="store_true", help="say what would become of the rows, store nothing")
        parser.add_argument("--strict", action="store_true", help="end with status 1 if any row is refused")

    def kind(self, options: dict[str, Any]) -> ImportKind[Any]:
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tally = self.run_import(options)
        except ImportRefused as error:
            raise CommandError(str(error)) from error
        self.stdout.write(str(tally))
        if options["strict"] and tally.counts["rejected"]:
            raise CommandError("Some rows were refused.")

    def run_import(self, options: dict[str, Any]) -> Tally:
        brand = Brand.objects.filter(slug=options["brand"]).first()
        if brand is None:
            raise CommandError(f"There is no brand “{options['brand']}”.")
        kind, path, now = self.kind(options), options["file"], database_now()
        timezone = zone_named(options["timezone"] or brand.timezone)
        mapping = read_mapping(options["mapping"], columns=kind.columns)
        source = Source(path, mapping, columns=kind.columns, required=kind.required)
        # disable=None: no bar where nobody looks
        bar = tqdm(total=source.size, unit="B", unit_scale=True, desc=path.name, file=sys.stderr, disable=None)
        try:
            mark = fingerprint(path, repr(mapping), str(timezone), kind.meaning)
            job = Import(
                brand,
                kind,
                source,
                timezone,
                mark,
                on_progress=lambda: bar.update(source.bytes_read - bar.n),
                spare=Path.cwd(),
            )
            if options["dry_run"]:
                tally = try_import(job, now=now)
            else:
                tally, rejects = run_import(job, now=now)
                if rejects.path:
                    self.stderr.write(f"The refused rows are in {rejects.path}.")
        finally:
            bar.close()
            source.close()
        for reason, count in tally.reasons.most_common(REASONS_TOLD):
            self.stderr.write(f"{count} × {reason}")
        return tally


def zone_named(name: str) -> ZoneInfo:
    try:
        validate_timezone(name)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    return ZoneInfo(name)
