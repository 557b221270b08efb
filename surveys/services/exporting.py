"""All answers of a brand as CSV, for staff: a row a response, a column a question key, as it was said.

Streamed by pages of ids, so that memory and locks do not grow with the file. Comments are the customers' own words,
not the redacted ones: whoever calls this for a person records the access.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from django.db.models import QuerySet

from accounts.models import Brand
from accounts.spreadsheets import as_text
from affiliates.models import Attribution
from surveys.choosing import Wanted
from surveys.models import Answer, InvitationMail, Question, Response

PAGE = 1000  # responses
COLUMNS = (
    *("response", "external_id", "wave", "version", "source", "language"),
    *("purchase", "product", "affiliate", "asked_at", "answered_at", "changed_at"),
    *("suspect", "suspect_reasons", "follow_up", "hides_comment", "publishes", "quotable"),
)
BETWEEN_CODES = " | "


class Line:
    """What csv.writer writes to: it hands each line back."""

    def write(self, text: str, /) -> str:
        return text


def csv_of_responses(wanted: Wanted) -> Iterator[str]:
    """The file line by line, with a byte order mark, by which spreadsheets know the letters."""
    writer = csv.writer(Line(), lineterminator="\r\n")
    questions = questions_of(wanted.brand, wanted.wave)
    keys = list(dict.fromkeys(questions.values()))
    yield "\ufeff" + writer.writerow([*COLUMNS, *keys])
    for page in pages_of(wanted.responses()):
        for cells in rows_of(page, questions, keys):
            yield writer.writerow(cells)


def questions_of(brand: Brand, wave: str = "") -> dict[int, str]:
    """The key of each question that was ever published or drafted, in the order of the newest version first."""
    questions = Question.objects.filter(survey__brand=brand, **({"survey__wave": wave} if wave else {}))
    return dict(questions.order_by("survey__wave", "-survey__version", "position").values_list("pk", "key"))


def pages_of(responses: QuerySet[Response]) -> Iterator[list[Response]]:
    last = 0
    related = ("invitation__survey", "invitation__purchase__product")
    while page := list(responses.filter(pk__gt=last).select_related(*related).order_by("pk")[:PAGE]):
        yield page
        last = page[-1].pk


def rows_of(page: Sequence[Response], questions: Mapping[int, str], keys: Sequence[str]) -> Iterator[list[str]]:
    given = answers_of(page, questions)
    affiliates = affiliates_of(page)
    asked = asked_at(page)
    for response in page:
        answers = given[response.pk]
        yield [
            *cells_of(response, affiliates.get(response.invitation.purchase_id, ""), asked.get(response.invitation_id)),
            *(answers.get(key, "") for key in keys),
        ]


def cells_of(response: Response, affiliate: str, asked: datetime | None) -> list[str]:
    invitation, purchase = response.invitation, response.invitation.purchase
    product = purchase.product.sku if purchase and purchase.product else ""
    return [
        str(response.pk),
        as_text(response.external_id or ""),
        invitation.wave,
        str(invitation.survey.version),
        response.source,
        response.language,
        as_text(purchase.external_id if purchase else ""),
        as_text(product),
        as_text(affiliate),
        moment(invitation.sent_elsewhere_at or asked),
        moment(response.answered_at),
        moment(response.updated_at),
        yes_no(response.is_suspect),
        BETWEEN_CODES.join(response.suspect_reasons),
        response.follow_up,
        yes_no(response.hides_comment),
        yes_no(response.publishes),
        yes_no(response.is_quotable),
    ]


def answers_of(page: Sequence[Response], questions: Mapping[int, str]) -> Mapping[int, Mapping[str, str]]:
    given: defaultdict[int, dict[str, str]] = defaultdict(dict)
    answers = Answer.objects.filter(response__in=page)
    for response, question, number, codes, text in answers.values_list(
        "response", "question", "number", "codes", "text"
    ).order_by():
        # A number is no formula, also with a minus.
        said = str(number) if number is not None else as_text(BETWEEN_CODES.join(codes) or text)
        given[response][questions[question]] = said
    return given


def affiliates_of(page: Iterable[Response]) -> dict[int | None, str]:
    purchases = {response.invitation.purchase_id for response in page if response.invitation.purchase_id}
    credited = Attribution.objects.current().filter(purchase__in=purchases, affiliate__isnull=False)
    return dict(credited.values_list("purchase", "affiliate__code"))


def asked_at(page: Iterable[Response]) -> dict[int, datetime | None]:
    first = InvitationMail.objects.filter(
        invitation__in=[response.invitation_id for response in page], kind=InvitationMail.Kind.FIRST
    )
    return dict(first.values_list("invitation", "mail__sent_at"))


def moment(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else ""


def yes_no(value: bool) -> str:
    return "yes" if value else "no"
