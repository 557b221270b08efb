"""What customers wrote, as a list that can be searched."""

import unicodedata
from dataclasses import dataclass

from django.utils.translation import gettext as _

from dashboards.pages.boards import expectation_rows
from insights.privacy import Insights


@dataclass(frozen=True)
class OpinionRow:
    """A customer's words. `theme` is the question they answer, `status` what has become of an expectation."""

    text: str
    question: str
    theme: str
    status: str = ""
    tone: str = ""


def write_opinions(insights: Insights, *, theme: str, words: str) -> list[OpinionRow]:
    """Those on a theme that have the words in them, whatever their accents and capitals."""
    themes = {"keep_text": _("What to keep"), "improve_text": _("What to improve"), "comment": _("Comment")}
    rows = [
        *(
            OpinionRow(each.text, each.question, themes[each.question])
            for each in insights.quotes
            if theme in ("", each.question)
        ),
        *(
            OpinionRow(each.text, "expectation", _("Unmet expectation"), each.status, each.tone)
            for each in expectation_rows(insights)
            if theme in ("", "expectation")
        ),
    ]
    return [row for row in rows if plain(words) in plain(row.text)]


def plain(text: str) -> str:
    """Without accents and capitals: «envio» finds «Envío»."""
    apart = unicodedata.normalize("NFD", text.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))
