"""How cases come to be: from bad answers, and from whoever writes to say that something is wrong."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.models import Brand, User
from affiliates.models import Customer, Purchase
from complaints.clocks import legal_due, service_due
from complaints.models import Complaint, ComplaintEvent, ComplaintResponse
from complaints.services.mails import acknowledge
from complaints.services.record import hold_cause, record
from mailing.tokens import hash_token
from surveys.models import Answer, Response
from surveys.services.answering import mark_followed_up
from surveys.services.holds import hold_purchase

# Only what the customer calls a complaint or a formal claim starts the clock of the law.
LEGAL_KINDS = (Complaint.Kind.COMPLAINT, Complaint.Kind.CLAIM)
FOLLOW_UPS_A_RUN = 200


@dataclass(frozen=True)
class Problem:
    """What is wrong, as somebody told us."""

    kind: str
    subject: str
    text: str = ""
    severity: str = Complaint.Severity.MEDIUM
    part: str = ""
    language: str = ""
    wants_contact: bool = False


@transaction.atomic
def open_complaint(
    brand: Brand,
    problem: Problem,
    *,
    now: datetime,
    purchase: Purchase | None = None,
    customer: Customer | None = None,
    by: User | None = None,
) -> tuple[Complaint, bool]:
    """A new case and True; or, where the purchase has an open one, that one with this added, and False.

    A new case holds its purchase's surveys, and is acknowledged to whoever asked to be contacted.
    """
    if purchase is not None:
        # One open case a purchase: whoever comes second waits here, and then finds the first one's case.
        purchase = Purchase.objects.select_for_update(no_key=True, of=("self",)).get(pk=purchase.pk)
        if standing := Complaint.objects.open().filter(purchase=purchase).first():
            append(standing, problem, by=by, now=now)
            return standing, False
    complaint = _new_case(brand, problem, now=now)
    complaint.purchase = purchase
    complaint.customer = customer or (purchase.customer if purchase else None)
    complaint.save(force_insert=True)
    record(complaint, ComplaintEvent.Kind.OPENED, by=by, now=now, text=problem.text)
    if purchase is not None:
        hold_purchase(purchase, cause=hold_cause(complaint), now=now)
    if problem.wants_contact:
        acknowledge(complaint, now=now)
    return complaint, True


def append(complaint: Complaint, problem: Problem, *, by: User | None, now: datetime) -> None:
    """Add what was said later to an open case; the worse of both severities stands."""
    text = "\n\n".join(part for part in (problem.subject, problem.text) if part)
    record(complaint, ComplaintEvent.Kind.ANSWER_ADDED, by=by, now=now, text=text)
    ranks = Complaint.Severity.values
    asks_now = problem.wants_contact and not complaint.wants_contact
    complaint.severity = max(complaint.severity, problem.severity, key=ranks.index)
    complaint.wants_contact = complaint.wants_contact or problem.wants_contact
    complaint.save(update_fields=["severity", "wants_contact", "updated_at"])
    if asks_now:
        acknowledge(complaint, now=now)


def _new_case(brand: Brand, problem: Problem, *, now: datetime) -> Complaint:
    complaint = Complaint(
        brand=brand,
        number=next_number(brand, now),
        kind=problem.kind,
        subject=problem.subject[:200],
        text=problem.text,
        severity=problem.severity,
        part=problem.part,
        language=brand.language_for(problem.language),
        wants_contact=problem.wants_contact,
        opened_at=now,
        legal_due_at=legal_deadline(brand, problem.kind, now),
        service_due_at=service_due(now, hours=brand.first_answer_hours),
    )
    complaint.token_hash = hash_token(complaint.token)
    return complaint


def legal_deadline(brand: Brand, kind: str, since: datetime) -> datetime | None:
    """The law's deadline for a case of this kind, or None where the law sets none."""
    if kind not in LEGAL_KINDS:
        return None
    return legal_due(since, regime=brand.legal_regime, country=brand.country, timezone=brand.timezone)


def next_number(brand: Brand, now: datetime) -> str:
    """Readable and never given twice: from a sequence of the database, so that two at once need no lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('complaints_complaint', 'id'))")
        return f"{now.astimezone(ZoneInfo(brand.timezone)).year}-{cursor.fetchone()[0]:06d}"


# --- From bad answers ----------------------------------------------------------------------------------------------
def open_cases_for_bad_answers(*, now: datetime) -> int:
    """Open a case, or add to the open one, for every bad answer that has none; how many answers were taken up."""
    waiting = Response.objects.needing_follow_up().values_list("pk", flat=True)[:FOLLOW_UPS_A_RUN]
    return sum(follow_up(pk, now=now) for pk in list(waiting))


@transaction.atomic
def follow_up(response_id: int, *, now: datetime) -> bool:
    """Take one bad answer up. False: another worker has it, or it is no longer bad."""
    response = (
        Response.objects.needing_follow_up()
        .select_for_update(skip_locked=True, of=("self",))
        .select_related("brand", "invitation__purchase__customer")
        .filter(pk=response_id)
        .first()
    )
    if response is None:
        return False
    complaint, _created = open_complaint(
        response.brand, problem_of(response), purchase=response.invitation.purchase, now=now
    )
    ComplaintResponse.objects.update_or_create(response=response, defaults={"complaint": complaint})
    mark_followed_up([response.pk], now=now)
    return True


def problem_of(response: Response) -> Problem:
    """An answer as the problem that it tells of: the reason in one line, then the customer's own words."""
    answers = {answer.question.key: answer for answer in response.answers.select_related("question")}
    texts = [answers[key].text for key in ("improve_text", "expectation", "comment", "keep_text") if key in answers]
    with override(response.brand.default_language):  # staff read it
        subject = reason_of(answers)
    return Problem(
        kind=Complaint.Kind.FOLLOW_UP,
        subject=subject,
        text="\n\n".join(text for text in texts if text),
        severity=response.follow_up,
        part=next(iter(answers["part"].codes), "") if "part" in answers else "",
        language=response.language,
        wants_contact="contact" in answers and answers["contact"].codes == ["yes"],
    )


def reason_of(answers: dict[str, Answer]) -> str:
    """Why an answer needs a follow-up, in the active language; the thresholds are those of domain rule «bad answer»."""
    numbers = {key: answer.number for key, answer in answers.items() if answer.number is not None}
    if numbers.get("csat", 5) <= 2:
        return _("Rated the purchase %(score)s of 5") % {"score": numbers["csat"]}
    if numbers.get("nps", 10) <= 6:
        return _("Would recommend: %(score)s of 10") % {"score": numbers["nps"]}
    if numbers.get("promise", 0) == -2:
        return _("Got much less than was promised")
    return _("Asks to be contacted")
