from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from surveys.aspect_lexicon import PRECISION_NEEDED, SUGGESTIONS_NEEDED, trusted_aspects
from surveys.measuring import (
    PRECISION,
    Tally,
    labelled_comments,
    made_up_comments,
    marked_comments,
    measure_aspects,
    measure_redaction,
    write_precision,
)

Row = Iterable[object]


class Command(BaseCommand):
    help = (
        "Measures how well comments are redacted and their aspects suggested, against labels made by reading. Needs "
        "the folders trustpilot_es, olist, semeval16_es and semeval16_en, whose texts are not ours. See docs/words.md."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder that holds those folders")
        parser.add_argument(
            "--part",
            choices=["held_out", "tuning"],
            default="held_out",
            help="of the comments with aspects: for measuring, or what the lexicon was written with (%(default)s)",
        )
        parser.add_argument(
            "--write",
            action="store_true",
            help=f"the measured precision into {PRECISION.name}, which decides what counts",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["write"] and options["part"] != "held_out":
            raise CommandError("What a lexicon was written with does not tell how good it is: write from held_out.")
        try:
            comments = [comment for comment in labelled_comments(options["data"]) if comment.part == options["part"]]
            marked = [*made_up_comments(), *marked_comments(options["data"])]
        except FileNotFoundError as error:
            raise CommandError(f"{error.filename} is missing.") from error
        self.write_table("Redaction", redaction_rows(measure_redaction(marked)))
        aspects = measure_aspects(comments)
        if options["write"]:
            write_precision(aspects, PRECISION)
            trusted_aspects.cache_clear()
        self.write_table(f"Aspects suggested, {len(comments)} comments, {options['part']}", aspect_rows(aspects))
        self.stdout.write(
            f"\nCounted is, by {PRECISION.name}, right {PRECISION_NEEDED:.2f} of the time in every set that has "
            f"{SUGGESTIONS_NEEDED} suggestions; «by score» where only the score says whether it was praised."
        )

    def write_table(self, title: str, rows: Iterable[Row]) -> None:
        lines = [[str(cell) for cell in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        self.stdout.write(f"\n{title}")
        for line in lines:
            self.stdout.write("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip())


def redaction_rows(tallies: Mapping[tuple[str, str], Tally]) -> Iterable[Row]:
    yield "data", "kind", "labelled", "found", "precision", "recall"
    for (data, kind), tally in sorted(tallies.items()):
        yield data, kind, tally.labelled, tally.found, share(tally.precision), share(tally.recall)


def aspect_rows(tallies: Mapping[tuple[str, str, str], Tally]) -> Iterable[Row]:
    yield "data", "language", "aspect", "labelled", "suggested", "precision", "recall", "by score", "counted"
    for (data, language, aspect), tally in sorted(tallies.items()):
        figures = share(tally.precision), share(tally.recall), share(tally.precision_by_score)
        yield data, language, aspect, tally.labelled, tally.found, *figures, counted(language, aspect)


def counted(language: str, aspect: str) -> str:
    trust = trusted_aspects()
    ways = {"by question": trust.by_question, "by score": trust.by_score}
    return ", ".join(way for way, trusted in ways.items() if (language, aspect) in trusted) or "—"


def share(value: float | None) -> str:
    return "—" if value is None else f"{value:.2f}"
