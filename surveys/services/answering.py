"""What happens when somebody answers: stored once, changed with its history, redacted for others to read."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from accounts.statements import execute_planned, select
from affiliates.services import (
    declare_affiliate,
    flag_declaration,
    give_referral_code,
    lock_purchase,
    withdraw_declaration,
)
from affiliates.services.copying import copy_rows
from mailing.models import OutgoingMail
from mailing.services import cancel_mails
from mailing.services.queueing import MAY_GO_OUT
from surveys.models import Answer, Invitation, Question, Response, ResponseChange, ResponseRevision
from surveys.questionnaire import RECOMMENDED_BY, meets, questions_asked
from surveys.services.consenting import keep_consent
from surveys.services.telling import tell_answered
from surveys.services.words import NOBODY, Known, keep_what_staff_set, known_about, read_words

FollowUp = Response.FollowUp
LONGEST_TEXT = 10_000  # characters
BY_STAFF = "staff"  # the reason for suspicion that a person gave
# Two statements in one round trip: the second sees what was stored while the first waited.
LOCK = "SELECT FROM surveys_invitation WHERE id = %s FOR NO KEY UPDATE; "
STANDING = " FROM surveys_response WHERE invitation_id = %s"
WAITING = """
    SELECT mail.id FROM surveys_invitationmail link JOIN mailing_outgoingmail mail ON mail.id = link.mail_id
    WHERE link.invitation_id = ANY($1) AND mail.state = ANY($2)
"""
OWN_DEVICE = "own_device"  # the reason for suspicion that an affiliate is signed in there


@dataclass(frozen=True)
class Given:
    """An answer to one question: a number, codes or words, as the question's kind has it."""

    number: int | None = None
    codes: tuple[str, ...] = ()
    text: str = ""

    @property
    def code(self) -> str:
        """What a condition compares with."""
        return str(self.number) if self.number is not None else next(iter(self.codes), "")

    @property
    def as_json(self) -> Any:
        return self.number if self.number is not None else list(self.codes) or self.text


@dataclass(frozen=True)
class AnswerData:
    """What one POST says, checked by its form. Absent or None is «left empty»: in an edit it means unchanged."""

    given: Mapping[str, Given]  # by question key
    removed: frozenset[str] = frozenset()  # keys whose earlier answer is to go
    hides_comment: bool | None = None
    publishes: bool | None = None
    resumes_at: int | None = None  # the step that comes next; None: this is all
    publish_wording: str = ""  # what the box says to which `publishes` is the answer


@dataclass(frozen=True)
class Said:
    """All that a response says at one moment."""

    given: Mapping[str, Given] = field(default_factory=dict)
    hides_comment: bool = False
    publishes: bool = False

    @property
    def codes(self) -> dict[str, str]:
        """What conditions compare with, by question key."""
        return {key: given.code for key, given in self.given.items()}


@transaction.atomic
def submit_response(
    invitation: Invitation, data: AnswerData, *, language: str, suspicions: Sequence[str], now: datetime
) -> Response:
    """Store an answer, or what one step of it says; return the response that stands. The same again changes nothing.

    What looks suspect never replaces what a human said: it goes into the history alone. A human replaces what looked
    suspect; another human answer adds to the first or changes it, and keeps its date. The history keeps what was said
    before a change; going on from step to step is none.
    """
    if invitation.purchase:
        # In the order in which recording purchases locks them: purchase, customer, and the invitation last.
        if RECOMMENDED_BY in data.given:
            lock_purchase(invitation.purchase)
        # Whatever was answered: the page of thanks offers the same to all.
        invitation.purchase.customer.brand = invitation.brand  # read already
        give_referral_code(invitation.purchase.customer)
    standing = _lock(invitation)
    if standing is None or (standing.is_suspect and not suspicions):
        before, after = Said(), _said_after(Said(), data, invitation)
    else:
        before = said_in(standing)
        after = _said_after(before, data, invitation)
        if suspicions and not standing.is_suspect:
            if after != before:
                ResponseRevision.objects.create(**revision_of(standing, after, suspicions))
            return standing
        if after == before:
            return _go_on(standing, _next_step(standing, data))
    response = standing or Response(brand=invitation.brand, invitation=invitation)
    had_agreed = response.publishes  # or a machine, in the place of whoever answers now
    is_begun = standing is not None and (standing.resumes_at is not None or len(before.given) == 1)
    if standing and not (is_begun and _only_adds(before, after)):
        ResponseRevision.objects.create(**revision_of(standing, said_in(standing)))
    response.resumes_at = _next_step(standing if before.given else None, data)
    _record(response, after, language=language, suspicions=suspicions, now=now)
    if not (after.publishes == before.publishes == had_agreed):
        keep_consent(response, wording=data.publish_wording if after.publishes else "", now=now)
    if RECOMMENDED_BY in data.given:
        _take_word(invitation, after, suspicions, now=now)
    if not suspicions:
        tell_answered(response, is_first=not before.given)
    return response


@transaction.atomic
def judge_response(response: Response, *, is_genuine: bool, now: datetime) -> bool:
    """Staff decide whether a customer answered; from here on it counts, or nowhere. False: it was so already."""
    # In the order in which whoever answers locks them.
    if response.invitation.purchase:
        lock_purchase(response.invitation.purchase)
    locked = _lock(response.invitation)
    if locked is None or locked.is_suspect != is_genuine:
        return False
    locked.is_suspect, locked.updated_at = not is_genuine, now
    if not is_genuine:
        locked.suspect_reasons = [*locked.suspect_reasons, BY_STAFF]
    locked.save(update_fields=["is_suspect", "updated_at", "suspect_reasons"])
    ResponseChange.objects.create(response=locked)
    if is_genuine:
        cancel_mails_of([locked.invitation_id])
        _take_word(locked.invitation, said_in(locked), now=now)
    elif locked.invitation.purchase:
        withdraw_declaration(locked.invitation.purchase, now=now)
    tell_answered(locked, is_first=is_genuine)
    return True


def mark_followed_up(responses: Iterable[int], *, now: datetime) -> None:
    """A case has taken these answers up, as they are now; changing one asks for a look again."""
    Response.objects.filter(pk__in=responses).update(followed_up_at=now)


def follow_up_for(given: Mapping[str, Given]) -> FollowUp:
    """How urgently somebody should look after this customer, after a purchase or after their case was closed."""
    csat, nps, promise = (given.get(key, Given()).number for key in ("csat", "nps", "promise"))
    solved, ces = (given.get(key, Given()).number for key in ("solved", "ces"))
    if csat == 1 or (nps is not None and nps <= 2) or solved == 1:
        return FollowUp.HIGH
    if csat == 2 or nps in (3, 4) or (ces is not None and ces <= 3):
        return FollowUp.MEDIUM
    if nps in (5, 6) or promise == -2 or solved == 2 or given.get("contact", Given()).code == "yes":
        return FollowUp.LOW
    return FollowUp.NONE


def said_in(response: Response, answers: Iterable[Answer] | None = None) -> Said:
    """What it says now, as the database has it; or what these answers, with their questions, say."""
    if answers is None:
        answers = response.answers.select_related("question")
    return Said(
        {a.question.key: Given(a.number, tuple(a.codes), a.text) for a in answers},
        response.hides_comment,
        response.publishes,
    )


def revision_of(
    response: Response, said: Said, suspicions: Iterable[str] = (), *, language: str | None = None
) -> dict[str, Any]:
    """The fields of a row of history; `suspicions` say why this was never let in."""
    content = {
        "given": {key: given.as_json for key, given in said.given.items()},
        "language": response.language if language is None else language,
        "hides_comment": said.hides_comment,
        "publishes": said.publishes,
        "suspect_reasons": list(suspicions) or response.suspect_reasons,
    }
    return {
        "response": response,
        "external_id": response.external_id or "",
        "answers": content,
        "answered_at": response.answered_at,
    }


def _lock(invitation: Invitation) -> Response | None:
    """What stands. The second of a double tap waits here, and then finds the first one's response."""
    found = select([Response], STANDING, [invitation.pk, invitation.pk], first=LOCK)
    return next((response for (response,) in found), None)


def _said_after(before: Said, data: AnswerData, invitation: Invitation) -> Said:
    kept = {key: given for key, given in before.given.items() if key not in data.removed}
    given = {**kept, **data.given}
    return Said(
        {
            question.key: given[question.key]
            for question in questions_asked(invitation.survey_id)
            if question.key in given and not _is_contradicted(question, given)
        },
        before.hides_comment if data.hides_comment is None else data.hides_comment,
        before.publishes if data.publishes is None else data.publishes,
    )


def _is_contradicted(question: Question, given: Mapping[str, Given]) -> bool:
    """A choice left over from before the customer changed the answer it hung on. Words are never dropped."""
    leader = given.get(question.condition.get("question", ""))
    return bool(leader and not given[question.key].text and not meets(question.condition, leader.code))


def _only_adds(before: Said, after: Said) -> bool:
    """Nothing said before was changed, taken away or taken back."""
    kept = all(after.given.get(key) == given for key, given in before.given.items())
    return kept and after.hides_comment >= before.hides_comment and after.publishes >= before.publishes


def _next_step(standing: Response | None, data: AnswerData) -> int | None:
    """Where the link goes on, as far as the customer ever came; nowhere once they had come to the end."""
    if data.resumes_at is None or (standing and standing.resumes_at is None):
        return None
    return max(data.resumes_at, (standing.resumes_at or 0) if standing else 0)


def _go_on(response: Response, step: int | None) -> Response:
    if step != response.resumes_at:
        response.resumes_at = step
        response.save(update_fields=["resumes_at"])
    return response


def _take_word(invitation: Invitation, said: Said, suspicions: Sequence[str] = (), *, now: datetime) -> None:
    """Whom the customer names as having recommended the brand; what looks suspect credits nobody."""
    words = said.given.get(RECOMMENDED_BY, Given()).text
    if not (words and invitation.purchase):
        return
    if not suspicions:
        declare_affiliate(invitation.purchase, words=words, now=now)
    elif OWN_DEVICE in suspicions:
        flag_declaration(invitation.purchase, words=words, now=now)


def _record(response: Response, said: Said, *, language: str, suspicions: Sequence[str], now: datetime) -> None:
    """Make the response say this and nothing else."""
    is_new = response._state.adding
    if is_new or response.is_suspect:
        response.answered_at = now
    response.language, response.updated_at = language, now
    response.hides_comment, response.publishes = said.hides_comment, said.publishes
    response.is_suspect, response.suspect_reasons = bool(suspicions), list(suspicions)
    response.follow_up, response.followed_up_at = follow_up_for(said.given), None
    answers = _answers_of(response, said.given)
    if is_new:
        copy_rows([response], answers, [ResponseChange(response=response)])
    else:
        _change(response, answers)
    if not suspicions:
        cancel_mails_of([response.invitation_id])


def _answers_of(response: Response, given: Mapping[str, Given]) -> list[Answer]:
    has_words = any(each.text for each in given.values())
    known = known_about(response.brand, response.invitation.purchase) if has_words else NOBODY
    return [
        answer_for(response, question, given[question.key], known)
        for question in questions_asked(response.invitation.survey_id)
        if question.key in given
    ]


def _change(response: Response, answers: Sequence[Answer]) -> None:
    response.save()
    response.answers.exclude(question__in=[answer.question_id for answer in answers]).delete()
    ResponseChange.objects.create(response=response)
    keep_what_staff_set(answers)
    Answer.objects.bulk_create(
        answers,
        update_conflicts=True,
        unique_fields=["response", "question"],
        update_fields=["number", "codes", "text", "redacted_text", "language", "aspects", "aspects_from"],
    )


def cancel_mails_of(invitations: Iterable[int]) -> None:
    """Who has answered is not reminded. Mostly there is nothing to cancel; what does not wait now never will again."""
    with connection.cursor() as cursor:
        execute_planned(cursor, WAITING, [list(invitations), MAY_GO_OUT])
        waiting = [mail for (mail,) in cursor.fetchall()]
    if waiting:
        cancel_mails(waiting, reason=OutgoingMail.Reason.ANSWERED)


def answer_for(response: Response, question: Question, given: Given, known: Known) -> Answer:
    words = read_words(given.text, asked_in=response.language or known.default_language, known=known)
    return Answer(
        response=response,
        question=question,
        number=given.number,
        codes=list(given.codes),
        text=given.text,
        redacted_text=words.redacted_text,
        language=words.language,
        aspects=words.aspects,
    )


def without_controls(text: str) -> str:
    """Line ends as one character; no NUL, no control character but line feed and tab, no half characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
