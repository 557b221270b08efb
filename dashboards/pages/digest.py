"""The summary by mail: one thing to keep, one to improve, a number, and what is new. In the active language."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboards.pages.boards import Board, improve_board, keep_board
from dashboards.pages.comparison import fall_said
from dashboards.selectors import News
from dashboards.wording import answers_said, between_said, of_ten
from insights.comparing import Fall
from insights.findings import Findings
from insights.privacy import Insights


def write_digest(insights: Insights, news: News, fallen: Sequence[Fall]) -> dict[str, Any]:
    """Texts for a mail's templates, as JSON. Without answers that may be shown only what fell or is good again."""
    told: dict[str, Any] = {
        "new_answers": new_answers_said(news.answers),
        "fallen": [fall_said(fall) for fall in fallen],
        "recovered": list(news.recovered),
        "messages": messages_said(news.messages),
    }
    own = insights.own
    if own is None:
        return told
    return told | {
        "headline": own.headline,
        "number": number_said(own),
        "is_indicative": insights.is_indicative,
        "keep": first_said(keep_board(insights, own)),
        "improve": first_said(improve_board(insights, own)),
        "next_step": own.next_sale[0].text if own.next_sale else "",
    }


def new_answers_said(n: int) -> str:
    return ngettext("%(n)s new answer", "%(n)s new answers", n) % {"n": n} if n > 0 else ""


def messages_said(n: int) -> str:
    return ngettext("%(n)s message not read yet", "%(n)s messages not read yet", n) % {"n": n} if n else ""


def number_said(findings: Findings) -> str:
    """«9 de cada 10 clientes están satisfechos (entre 84 % y 90 %): 212 respuestas.»"""
    csat = findings.csat
    if csat is None:
        return ""
    return _("%(share)s of your customers are satisfied (%(range)s): %(answers)s.") % {
        "share": of_ten(csat.value),
        "range": between_said(csat.low, csat.high),
        "answers": answers_said(csat.n),
    }


def first_said(board: Board) -> dict[str, str]:
    """What stands first on a board with what it rests on, or that nothing does."""
    if not board.rows:
        return {"label": "", "evidence": board.empty}
    return {"label": board.rows[0].label, "evidence": board.rows[0].evidence[0]}
