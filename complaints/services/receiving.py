"""Mail of customers comes in: stored first, then sorted. One bad mail never stops the others.

It goes into a case by itself only where two things agree: what it answers (the reply address of one mail of ours, or
that mail's Message-ID) and who sends it; a customer without an open case may begin one. The rest is for a person to
decide.
"""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from email.utils import parseaddr
from hashlib import sha256

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from complaints.files import MOST_BYTES, MOST_FILES, CheckedFile, check_file
from complaints.inbound.automatic import is_automatic, is_forged
from complaints.inbound.parsing import EnclosedFile, Letter, Unreadable, bare_subject, body_of, read_letter
from complaints.models import Complaint, IncomingMail, IncomingMailContent
from complaints.services.attaching import room_for_files
from complaints.services.customers import case_to_tell, customer_wrote
from complaints.services.opening import Problem, open_complaint
from complaints.services.placing import Place, brands_with_address, find_place
from mailing.addresses import normalize_address
from mailing.backoff import backoff
from mailing.return_paths import REPLY, mail_about
from mailing.returned import reports_in_mail
from mailing.services import record_mail_event

State, Reason = IncomingMail.State, IncomingMail.Reason
RUN_SECONDS = 20.0  # how long one run goes on while there is mail to sort
MOST_ATTEMPTS = 5  # at which we fail ourselves; then a person looks
LEASE = timedelta(minutes=5)  # longer than any mail takes
WORDS = (
    *("sender", "sender_name", "subject", "text", "quoted"),
    *("brand", "answers", "evidence", "complaint", "customer"),
)

log = structlog.get_logger(__name__)


# --- Storing -------------------------------------------------------------------------------------------------------
def take_in(raw: bytes, *, now: datetime, recipient: str = "") -> tuple[IncomingMail, bool]:
    """Store and sort one mail; the mail, and whether it is new. `recipient`: to whom it was delivered, where known.

    The same mail comes again as long as the server is not told that we have it: it is known by its Message-ID.
    """
    if recipient:
        raw = f"X-Original-To: {' '.join(recipient.split())}\r\n".encode() + raw
    mail, is_new = store_mail(raw, now=now)
    if is_new:
        sort_mail(mail, now=now)
    return mail, is_new


def store_mail(raw: bytes, *, now: datetime) -> tuple[IncomingMail, bool]:
    """Its bytes, before anything else is tried. Another mail under the same Message-ID is stored, to be looked at."""
    is_cut, raw = len(raw) > settings.INBOUND_MAX_BYTES, raw[: settings.INBOUND_MAX_BYTES]
    message_id = id_of(raw)
    for _ in range(2):
        known = IncomingMail.objects.filter(message_id=message_id).first()
        if known is None:
            return _store(message_id, raw, is_cut=is_cut, now=now)
        if says_the_same(known, raw):
            return known, False
        message_id = f"sha256:{sha256(body_of(raw)).hexdigest()}"
    return IncomingMail.objects.get(message_id=message_id), False


def _store(message_id: str, raw: bytes, *, is_cut: bool, now: datetime) -> tuple[IncomingMail, bool]:
    try:
        with transaction.atomic():
            mail = IncomingMail.objects.create(message_id=message_id, received_at=now, try_at=now)
            IncomingMailContent.objects.create(mail=mail, data=raw, is_cut=is_cut)
    except IntegrityError:  # another door took it in at this very moment
        return IncomingMail.objects.get(message_id=message_id), False
    return mail, True


def id_of(raw: bytes) -> str:
    try:
        return read_letter(raw).message_id
    except Unreadable:
        return f"sha256:{sha256(raw).hexdigest()}"


def says_the_same(known: IncomingMail, raw: bytes) -> bool:
    """Also where we no longer have the bytes of the one that is known."""
    content = IncomingMailContent.objects.filter(mail=known).first()
    return content is None or body_of(bytes(content.data)) == body_of(raw)


# --- Sorting -------------------------------------------------------------------------------------------------------
def sort_due_mail(*, now: datetime, seconds: float = RUN_SECONDS) -> int:
    """What is still to be sorted, oldest first; how many were worked on."""
    deadline, count = time.monotonic() + seconds, 0
    while time.monotonic() < deadline and _sort_one(Q(), now=now):
        count += 1
    return count


def sort_mail(mail: IncomingMail, *, now: datetime) -> None:
    """This one, unless somebody is at it. What goes wrong is left to the next run."""
    try:
        _sort_one(Q(pk=mail.pk), now=now)
    except Exception:
        log.exception("incoming_mail_left_for_later", mail=mail.pk)
    mail.refresh_from_db()


def _sort_one(which: Q, *, now: datetime) -> bool:
    """Whether there was one. One mail must not stop the others, not even one that takes its worker along."""
    mail = _claim(which, now=now)
    if mail is None:
        return False
    try:
        if mail.attempts > MOST_ATTEMPTS:  # nobody came back from it to say what is wrong
            raise Unreadable("taken up too often")
        _sort(mail, now=now)
    except Unreadable:
        _give_up(mail)
    except Exception as error:
        log.exception("incoming_mail_fault", mail=mail.pk, error=type(error).__name__)
        if mail.attempts >= MOST_ATTEMPTS:
            _give_up(mail)
        else:
            unsorted_mail(mail).update(try_at=now + backoff(mail.attempts))
    return True


@transaction.atomic
def _claim(which: Q, *, now: datetime) -> IncomingMail | None:
    """The attempt is kept before it is made, and the mail left alone for as long as one may take."""
    waiting = IncomingMail.objects.due(now).filter(which).order_by("try_at", "id")
    mail = waiting.select_for_update(skip_locked=True, of=("self",)).first()
    if mail is not None:
        mail.attempts, mail.try_at = mail.attempts + 1, now + LEASE
        mail.save(update_fields=["attempts", "try_at"])
    return mail


def _sort(mail: IncomingMail, *, now: datetime) -> None:
    """Unreadable: nobody could have written it."""
    raw = bytes(mail.content.data)
    letter = read_letter(raw)
    place = find_place(letter)
    keep_words(mail, letter, place)
    with transaction.atomic():
        if unsorted_mail(mail).select_for_update(of=("self",)).exists():  # else somebody was quicker
            _decide(mail, raw, letter, place, now=now)
            mail.save(update_fields=["state", "reason", "complaint"])


def _decide(mail: IncomingMail, raw: bytes, letter: Letter, place: Place, *, now: datetime) -> None:
    if reason := reason_to_set_aside(raw, letter, now=now):
        mail.state, mail.reason = State.SET_ASIDE, reason
    elif reason := reason_to_look(mail, letter, place, now=now):
        mail.state, mail.reason = State.QUARANTINED, reason
    else:
        mail.complaint = file_by_itself(mail, letter, place, now=now)
        mail.state = State.FILED


def _give_up(mail: IncomingMail) -> None:
    """A person looks. What it says and whose it seems to be was kept, where it came so far."""
    unsorted_mail(mail).update(state=State.QUARANTINED, reason=Reason.UNREADABLE)


def unsorted_mail(mail: IncomingMail) -> QuerySet[IncomingMail]:
    return IncomingMail.objects.filter(pk=mail.pk, state=State.RECEIVED)


def keep_words(mail: IncomingMail, letter: Letter, place: Place) -> None:
    """What it says and whose it seems to be, before anything is done with it: for the person who may have to look."""
    mail.sender, mail.sender_name = letter.sender, letter.sender_name
    mail.subject, mail.text, mail.quoted = letter.subject, letter.text, letter.quoted
    mail.brand, mail.answers, mail.evidence = place.brand, place.answers, place.evidence
    mail.complaint, mail.customer = place.complaint, place.customer
    # Not over what somebody quicker has decided since: which case it went into.
    unsorted_mail(mail).update(**{name: getattr(mail, name) for name in WORDS})


def reason_to_set_aside(raw: bytes, letter: Letter, *, now: datetime) -> str:
    """Nobody waits for an answer: it reports of our mail, which is noted there, or no person wrote it."""
    if reports := reports_in_mail(raw, now=now):
        for report in sorted(reports, key=lambda report: report.mail):
            record_mail_event(report, now=now)
        return Reason.REPORT
    if is_our_own(letter):
        return Reason.OWN
    return Reason.AUTOMATIC if is_automatic(letter.headers, sender=letter.sender) else ""


def is_our_own(letter: Letter) -> bool:
    sender = normalize_address(letter.sender)
    if sender == normalize_address(parseaddr(settings.DEFAULT_FROM_EMAIL)[1]) or mail_about(sender, REPLY):
        return True
    return brands_with_address([sender]).exists()


def reason_to_look(mail: IncomingMail, letter: Letter, place: Place, *, now: datetime) -> str:
    """Why a person has to decide; nothing where all is clear."""
    if place.brand is None:
        return Reason.UNKNOWN_BRAND
    if mail.content.is_cut:
        return Reason.TOO_LARGE
    if mail.message_id != letter.message_id:
        return Reason.REPEATED_ID
    if is_forged(letter.headers):
        return Reason.FORGED
    if place.reason:
        return place.reason
    if not letter.text and not letter.subject and not letter.files:
        return Reason.EMPTY
    return Reason.TOO_MANY if is_too_much(letter.sender, now=now) else ""


def is_too_much(sender: str, *, now: datetime) -> bool:
    """A robot that does not say it is one is stopped here, whatever it answers to."""
    filed = IncomingMail.objects.filter(
        sender=sender, received_at__gt=now - timedelta(hours=1), state=State.FILED, handled_by=None
    )
    return filed.count() >= settings.INBOUND_MAX_PER_HOUR


# --- Filing --------------------------------------------------------------------------------------------------------
def file_by_itself(mail: IncomingMail, letter: Letter, place: Place, *, now: datetime) -> Complaint:
    if place.complaint:
        return file_in(place.complaint, mail, letter, now=now)
    assert place.brand is not None  # else a person looks
    complaint, _is_new = open_complaint(
        place.brand, problem_in(mail, letter), purchase=place.purchase, customer=place.customer, now=now
    )
    return complaint


def file_in(complaint: Complaint, mail: IncomingMail, letter: Letter, *, now: datetime) -> Complaint:
    """The case that it went into: that one, or the one that goes on for it."""
    current = case_to_tell(complaint)
    files, left_out = accepted(letter.files, most=room_for_files(current))
    return customer_wrote(current, text=words_of(letter), now=now, files=files, data=traces_of(mail, letter, left_out))


def problem_in(mail: IncomingMail, letter: Letter) -> Problem:
    """A mail as the beginning of a case. Which kind it is staff tell: its customer saw no form to choose from."""
    files, left_out = accepted(letter.files)
    return Problem(
        kind=Complaint.Kind.INQUIRY,
        subject=bare_subject(letter.subject) or first_line(words_of(letter)),
        text=words_of(letter),
        language=mail.answers.language if mail.answers else "",
        wants_contact=True,
        files=files,
        data=traces_of(mail, letter, left_out),
    )


def words_of(letter: Letter) -> str:
    return letter.text or letter.subject or "—"


def first_line(text: str) -> str:
    line = text.strip().splitlines()[0]
    return line if len(line) <= 100 else f"{line[:99].rstrip()}…"


def traces_of(mail: IncomingMail, letter: Letter, left_out: Sequence[str]) -> dict[str, object]:
    """What the event says of its mail: what was quoted, and which files were not taken."""
    told = {"quoted": letter.quoted, "left_out": list(left_out), "sender": letter.sender}
    return {"mail": mail.pk, **{name: value for name, value in told.items() if value}}


def accepted(files: Sequence[EnclosedFile], *, most: int = MOST_FILES) -> tuple[list[CheckedFile], list[str]]:
    """Those that may be kept, and the names of the others: by the same rules as whatever is uploaded."""
    kept: list[CheckedFile] = []
    left_out: list[str] = []
    for file in files:
        try:
            if len(kept) >= min(most, MOST_FILES):
                raise ValidationError("too many")
            kept.append(check_file(file.name, file.data[: MOST_BYTES + 1]))
        except ValidationError:
            left_out.append(file.name[:120])
    return kept, left_out[:20]


def forget_old_content(*, now: datetime) -> int:
    """The bytes of mail that is decided, and of what nobody asked back for as long; how many."""
    before = now - timedelta(days=settings.INBOUND_KEEP_DAYS)
    over = IncomingMail.objects.exclude(state__in=[State.RECEIVED, State.QUARANTINED]).filter(received_at__lt=before)
    return IncomingMailContent.objects.filter(mail__in=over).delete()[0]
