"""What is made of the words of an answer: their language, the form that others may read, and what they are about."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.models import Brand, User
from accounts.statements import execute_planned
from affiliates.models import Purchase
from surveys.aspect_lexicon import suggest_aspects, trusted_aspects
from surveys.languages import language_of
from surveys.models import Answer, Invitation, ResponseChange
from surveys.redaction import redact

BATCH = 1000  # answers a transaction
# Questions that say themselves whether it was praise or blame, and those of other tools, where only the score does.
BY_QUESTION, BY_SCORE = {"keep_text", "improve_text"}, {"title", "comment"}

KNOWN = """
    SELECT 'name', person.name
    FROM accounts_membership member JOIN accounts_user person ON person.id = member.user_id
    WHERE member.brand_id = $1 AND person.name <> ''
    UNION ALL SELECT 'aspect', code FROM surveys_aspect WHERE brand_id = $1 AND is_active
    UNION ALL SELECT 'order', external_id FROM affiliates_purchase WHERE customer_id = $2
"""


@dataclass(frozen=True)
class Known:
    """What helps to read comments: names, addresses and orders of a customer and of the staff; the brand's aspects."""

    regions: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    aspects: tuple[str, ...] = ()

    @property
    def default_language(self) -> str:
        return next(iter(self.languages), "")


@dataclass(frozen=True)
class Reading:
    language: str = ""  # empty: there are no words, or none that tell
    redacted_text: str = ""
    aspects: list[str] = field(default_factory=list)


NOBODY = Known()


def known_about(brand: Brand, purchase: Purchase | None) -> Known:
    """What is known about who bought this, with all their orders; one statement, for somebody waits."""
    if purchase is None:
        return known_of(brand)
    found: dict[str, list[str]] = {"name": [], "aspect": [], "order": []}
    with connection.cursor() as cursor:
        execute_planned(cursor, KNOWN, [brand.pk, purchase.customer_id])
        for what, value in cursor.fetchall():
            found[what].append(value)
    everybody = _known(brand, names=found["name"], aspects=found["aspect"])
    return known_with(everybody, purchase, orders=found["order"])


def known_of(brand: Brand) -> Known:
    """What is the same for all of a brand's comments."""
    names = User.objects.filter(memberships__brand=brand).exclude(name="").values_list("name", flat=True)
    return _known(brand, names=names, aspects=aspect_codes(brand))


def _known(brand: Brand, *, names: Iterable[str], aspects: Iterable[str]) -> Known:
    return Known(regions=(brand.country,), names=tuple(names), languages=tuple(brand.languages), aspects=tuple(aspects))


def known_with(everybody: Known, purchase: Purchase, *, orders: Iterable[str]) -> Known:
    customer = purchase.customer
    return replace(
        everybody, names=(customer.name, *everybody.names), emails=(customer.email or "",), ids=tuple(orders)
    )


def aspect_codes(brand: Brand) -> tuple[str, ...]:
    return tuple(brand.aspects.filter(is_active=True).values_list("code", flat=True))


def read_words(text: str, *, asked_in: str, known: Known) -> Reading:
    """`asked_in` is the survey's language, which an answer is in unless it surely is in another of the brand's."""
    if not text:
        return Reading()
    language = language_of(text, languages=known.languages, default=asked_in)
    redacted = redact(
        text,
        regions=known.regions,
        language=language or asked_in,
        known_names=known.names,
        known_emails=known.emails,
        known_ids=known.ids,
    )
    return Reading(language, redacted, suggest_aspects(text, language, known=known.aspects))


def keep_what_staff_set(answers: Sequence[Answer]) -> None:
    """Of answers that are about to replace stored ones: the aspects that staff set, where the words are the same."""
    responses = {answer.response_id for answer in answers if answer.text}
    by_staff = Answer.objects.filter(response__in=responses, aspects_from=Answer.AspectsFrom.STAFF)
    set_for = {(answer.response_id, answer.question_id, answer.text): answer.aspects for answer in by_staff}
    for answer in answers:
        aspects = set_for.get((answer.response_id, answer.question_id, answer.text))
        if aspects is not None:
            answer.aspects, answer.aspects_from = aspects, Answer.AspectsFrom.STAFF


@transaction.atomic
def set_aspects(answer: Answer, aspects: Collection[str]) -> bool:
    """Staff say what words are about, which stands until the customer writes others. False: they had said so already.

    Raises ValidationError for what is no aspect of the brand, and for an answer without words.
    """
    # As whoever stores answers does: nobody writes other words meanwhile.
    Invitation.objects.select_for_update(no_key=True).get(response__answers=answer)
    locked = Answer.objects.select_related("response__brand").get(pk=answer.pk)
    codes = set(locked.response.brand.aspects.values_list("code", flat=True))
    if not locked.text or not codes.issuperset(aspects):
        raise ValidationError(_("These words or aspects no longer exist."), code="unknown")
    chosen = sorted(set(aspects))
    if locked.aspects_from == Answer.AspectsFrom.STAFF and sorted(locked.aspects) == chosen:
        return False
    locked.aspects, locked.aspects_from = chosen, Answer.AspectsFrom.STAFF
    locked.save(update_fields=["aspects", "aspects_from"])
    ResponseChange.objects.create(response=locked.response)
    return True


def counted_unseen(answer: Answer) -> list[str]:
    """Which of its suggestions insights count though nobody has looked at them."""
    trust, key = trusted_aspects(), answer.question.key
    trusted = trust.by_question if key in BY_QUESTION else trust.by_score if key in BY_SCORE else frozenset()
    return [aspect for aspect in answer.aspects if (answer.language, aspect) in trusted]


def suggest_anew(brand: Brand) -> int:
    """Read all words of a brand again, after a lexicon or its aspects changed; of how many answers something changed.

    What staff set stays. Done in sets: stopped halfway, it goes on where it is run again.
    """
    known, changed, last = known_of(brand), 0, 0
    while batch := _read_anew(brand, known, after=last):
        changed += batch.changed
        last = batch.last
    return changed


@dataclass(frozen=True)
class _Batch:
    last: int
    changed: int


@transaction.atomic
def _read_anew(brand: Brand, known: Known, *, after: int) -> _Batch | None:
    answers = (
        Answer.objects.filter(response__brand=brand, pk__gt=after, aspects_from=Answer.AspectsFrom.WORDS)
        .exclude(text="")
        .select_related("response")
        .select_for_update(no_key=True, of=["self"])
        .order_by("pk")[:BATCH]
    )
    last, changed = after, []
    for answer in answers:
        last = answer.pk
        asked_in = answer.response.language or known.default_language
        language = language_of(answer.text, languages=known.languages, default=asked_in)
        aspects = suggest_aspects(answer.text, language, known=known.aspects)
        if (language, aspects) != (answer.language, answer.aspects):
            answer.language, answer.aspects = language, aspects
            changed.append(answer)
    Answer.objects.bulk_update(changed, ["language", "aspects"])
    responses = sorted({answer.response_id for answer in changed})
    ResponseChange.objects.bulk_create(ResponseChange(response_id=response) for response in responses)
    return _Batch(last, len(changed)) if last != after else None
