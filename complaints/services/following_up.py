"""Bad answers: each opens a case, joins the open one, or has a closed case looked at again."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.in_turn import sum_in_turn
from affiliates.models import Customer, Purchase
from complaints.models import Complaint, ComplaintResponse
from complaints.services.ending import case_of_occasion
from complaints.services.handling import open_again
from complaints.services.opening import Problem, append, open_case_of, open_complaint
from complaints.services.timing import await_answer
from surveys.models import Answer, Response
from surveys.services.answering import mark_followed_up

FOLLOW_UPS_A_RUN = 200
WORDS = ("remains", "improve_text", "expectation", "comment", "keep_text")  # the questions answered in words


def open_cases_for_bad_answers(*, now: datetime) -> int:
    """Open a case, or add to the open one, for every bad answer that has none; how many answers were taken up.

    Raises ExceptionGroup of those where it failed, once all have had their turn.
    """
    waiting = Response.objects.needing_follow_up().values_list("pk", flat=True)[:FOLLOW_UPS_A_RUN]
    return sum_in_turn(list(waiting), lambda pk: follow_up(pk, now=now))


@transaction.atomic
def follow_up(response_id: int, *, now: datetime) -> bool:
    """Take one bad answer up. False: another worker has it, its purchase is busy, or it is no longer bad."""
    purchases = Purchase.objects.filter(invitations__response=response_id)
    purchase = purchases.select_for_update(skip_locked=True, no_key=True, of=("self",)).first()
    if purchase is None and purchases.exists():
        return False
    response = (
        Response.objects.needing_follow_up()
        .select_for_update(skip_locked=True, of=("self", "invitation"))
        .select_related("brand", "invitation")
        .filter(pk=response_id)
        .first()
    )
    if response is None:
        return False
    complaint = review_case(response, now=now)
    if complaint is None:
        customer = customer_of(response)
        problem = problem_of(response)
        complaint, _created = open_complaint(response.brand, problem, purchase=purchase, customer=customer, now=now)
    ComplaintResponse.objects.update_or_create(response=response, defaults={"complaint": complaint})
    mark_followed_up([response.pk], now=now)
    return True


def review_case(response: Response, *, now: datetime) -> Complaint | None:
    """The case whose ending this answer is about: opened again, or told where it goes on already.

    None: the answer is about none, or its purchase has another case by now, which gets the answer.
    """
    case_id = case_of_occasion(response.invitation.occasion)
    asked = Complaint.objects.filter(pk=case_id, brand=response.brand_id).first() if case_id else None
    if asked is None:
        return None
    cases = Complaint.objects.select_related("brand", "customer", "purchase").select_for_update(of=("self",))
    complaint = cases.get(pk=asked.merged_into_id or asked.pk)
    if complaint.is_open:
        append(complaint, problem_of(response), by=None, now=now)
        return complaint
    if (
        complaint != asked
        or complaint.merged_into_id
        or (complaint.purchase_id and open_case_of(complaint.purchase_id))
    ):
        return None
    await_answer(complaint, now=now)
    complaint.save(update_fields=["waits_since", "service_due_at", "updated_at"])
    open_again(complaint, by=None, now=now, text=problem_of(response).text, response=response.pk)
    return complaint


def customer_of(response: Response) -> Customer | None:
    """Of the case that it was asked about, which may be about no purchase."""
    case_id = case_of_occasion(response.invitation.occasion)
    return Customer.objects.filter(complaints=case_id, brand=response.brand_id).first() if case_id else None


def problem_of(response: Response) -> Problem:
    """An answer as the problem that it tells of: the reason in one line, then the customer's own words."""
    answers = {answer.question.key: answer for answer in response.answers.select_related("question")}
    texts = [
        answers[key].text
        for key in ("improve_text", "expectation", "comment", "keep_text", "remains")
        if key in answers
    ]
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
    if numbers.get("solved", 3) <= 2 or numbers.get("ces", 7) <= 3:
        return _("Was not satisfied with how the case ended")
    if numbers.get("csat", 5) <= 2:
        return _("Rated the purchase %(score)s of 5") % {"score": numbers["csat"]}
    if numbers.get("nps", 10) <= 6:
        return _("Would recommend: %(score)s of 10") % {"score": numbers["nps"]}
    if numbers.get("promise", 0) == -2:
        return _("Got much less than was promised")
    return _("Asks to be contacted")
