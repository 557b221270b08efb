"""Affiliates, their links, and who followed them."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from accounts.models import Brand
from accounts.partitions import place_of
from accounts.statements import execute_planned
from affiliates.destinations import is_allowed_destination
from affiliates.models import Affiliate, AffiliateEvent, Click, LinkPromise, TrackingLink, click_public_id, random_code
from affiliates.sub_ids import read_sub_ids

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
MAX_PROMISES = 20
REPEAT_WITHIN = timedelta(minutes=30)
# Programs that fetch pages for themselves. HTTP libraries and who sends no name are not among them: shops test their
# links so, and a buyer's privacy tool hides the name.
BOT = re.compile(r"(?<!cu)bot\b")
BOT_WORDS = (
    *("crawl", "spider", "slurp", "preview", "facebookexternalhit", "whatsapp", "embedly", "quora link"),
    *("headlesschrome", "lighthouse", "pingdom", "uptimerobot", "monitoring", "scanner", "proofpoint", "barracuda"),
    "mimecast",
)

# Repeats are looked for among the visitor's clicks, which are few, and not (hence the + 0) among the link's, which may
# be thousands in that time; and in the piece of that half hour.
RECORD_CLICK = """
    INSERT INTO affiliates_click (public_id, link_id, visitor, is_own_device, sub_ids, occurred_at, created_at, kind)
    VALUES ($1, $2, $3::text, $4, $5, $7, statement_timestamp(),
        CASE WHEN $6 = 'visit' AND $3 <> '' AND EXISTS (
            SELECT FROM {place}
            WHERE visitor = $3 AND visitor <> '' AND link_id + 0 = $2
              AND kind IN ('visit', 'repeat') AND occurred_at BETWEEN $8 AND $7
        ) THEN 'repeat' ELSE $6 END)
"""


class CodeTaken(Exception):
    """Somebody has this code already."""


@transaction.atomic
def create_affiliate(
    brand: Brand, code: str, name: str, *, public_name: str = "", email: str = "", now: datetime
) -> Affiliate:
    """An active affiliate. ValidationError: a field does not hold. CodeTaken: the brand has one of this code."""
    affiliate = Affiliate(
        brand=brand, code=code, name=name or code, public_name=public_name, email=email.strip().lower(), joined_at=now
    )
    with errors_of("code"):
        check_code(code)
    if Affiliate.objects.filter(brand=brand, code=code).exists():
        raise CodeTaken
    affiliate.full_clean()
    with taking_code():
        affiliate.save(force_insert=True)
    AffiliateEvent.objects.create(affiliate=affiliate, kind=AffiliateEvent.Kind.APPROVED, at=now)
    return affiliate


@transaction.atomic
def create_link(
    affiliate: Affiliate,
    destination: str,
    *,
    code: str = "",
    campaign: str = "",
    promises: Sequence[str] = (),
    sub_ids: Mapping[str, Any] | None = None,
) -> TrackingLink:
    """A link to a page of the brand's shop, with what is promised there.

    ValidationError: a destination on another host, or a field that does not hold. CodeTaken: the code is in use.
    """
    if not is_allowed_destination(destination, affiliate.brand.allowed_hosts):
        raise ValidationError({"destination": destination_error(affiliate.brand)})
    if code:
        with errors_of("code"):
            check_code(code)
    link = TrackingLink(
        affiliate=affiliate,
        destination=destination,
        code=code or random_code(),
        campaign=campaign,
        sub_ids=read_sub_ids(sub_ids or {}),
    )
    if TrackingLink.objects.filter(code=link.code).exists():
        raise CodeTaken
    texts = check_promises(promises)
    link.full_clean()
    with taking_code():
        link.save(force_insert=True)
    LinkPromise.objects.bulk_create(LinkPromise(link=link, text=text) for text in texts)
    return link


@transaction.atomic
def change_promises(link: TrackingLink, promises: Sequence[str], *, now: datetime) -> None:
    """These stand at the link from now on. What no longer does is withdrawn and stays on record.

    ValidationError: too many, or one too long.
    """
    texts = check_promises(promises)
    TrackingLink.objects.select_for_update(no_key=True).get(pk=link.pk)  # two at once must not promise the same twice
    standing = link.promises.standing()
    kept = set(standing.filter(text__in=texts).values_list("text", flat=True))
    standing.exclude(text__in=texts).update(withdrawn_at=now)
    LinkPromise.objects.bulk_create(LinkPromise(link=link, text=text) for text in texts if text not in kept)


@transaction.atomic
def tick_promises(link: TrackingLink, *, added: Sequence[str], withdrawn: Sequence[str], now: datetime) -> None:
    """Some more, some no more; the rest stands as it does."""
    TrackingLink.objects.select_for_update(no_key=True).get(pk=link.pk)
    link.promises.standing().filter(text__in=withdrawn).update(withdrawn_at=now)
    LinkPromise.objects.bulk_create([LinkPromise(link=link, text=text) for text in added], ignore_conflicts=True)


def pause_link(link: TrackingLink, *, now: datetime) -> None:
    """Visitors get a page instead of the shop. A link that is paused already stays so since then."""
    TrackingLink.objects.filter(pk=link.pk, paused_at=None).update(paused_at=now, updated_at=now)


def resume_link(link: TrackingLink, *, now: datetime) -> None:
    TrackingLink.objects.filter(pk=link.pk, paused_at__isnull=False).update(paused_at=None, updated_at=now)


def check_promises(promises: Sequence[str]) -> list[str]:
    """Each once, without blanks around. ValidationError: too many, or one too long."""
    texts = list(dict.fromkeys(text for promise in promises if (text := promise.strip())))
    if len(texts) > MAX_PROMISES:
        message = _("A link carries %(count)d promises at most.") % {"count": MAX_PROMISES}
        raise ValidationError({"promises": ValidationError(message, "max_length")})
    longest = LinkPromise._meta.get_field("text").max_length or 0
    if long := [text for text in texts if len(text) > longest]:
        message = _("A promise has %(count)d characters at most: “%(text)s…”") % {
            "count": longest,
            "text": long[0][:40],
        }
        raise ValidationError({"promises": ValidationError(message, "max_length")})
    return texts


@contextmanager
def taking_code() -> Iterator[None]:
    """CodeTaken: somebody else took it between our look and our writing."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as clash:
        raise CodeTaken from clash


@contextmanager
def errors_of(field: str) -> Iterator[None]:
    """Say which field a refusal is about."""
    try:
        yield
    except ValidationError as error:
        raise ValidationError({field: error}) from error


def destination_error(brand: Brand) -> ValidationError:
    hosts = ", ".join(brand.allowed_hosts) or "—"
    message = _("A link leads to a page of the shop: %(hosts)s.") % {"hosts": hosts}
    return ValidationError(message, "host_not_allowed")


def change_sub_ids(link: TrackingLink, sub_ids: Mapping[str, Any], *, now: datetime) -> None:
    """What clicks on the link get from now on where they bring none of their own."""
    TrackingLink.objects.filter(pk=link.pk).update(sub_ids=read_sub_ids(sub_ids), updated_at=now)


def record_click(
    link_id: int,
    *,
    kind: str,
    visitor: str,
    occurred_at: datetime,
    is_own_device: bool = False,
    sub_ids: Mapping[str, str] | None = None,
) -> str:
    """Store a click and give its public id, in one statement: durable before any purchase can quote it.

    A visit to a link that the same visitor followed within half an hour is a repeat.
    """
    public_id, words = click_public_id(occurred_at), json.dumps(dict(sub_ids or {}))
    since = occurred_at - REPEAT_WITHIN
    values = [public_id, link_id, visitor, is_own_device, words, kind, occurred_at, since]
    with connection.cursor() as cursor:
        execute_planned(cursor, _record_click_in(place_of(Click._meta.db_table, since, occurred_at)), values)
    return public_id


@cache
def _record_click_in(place: str) -> str:
    return RECORD_CLICK.format(place=place)


def kind_of_visit(method: str, user_agent: str) -> str:
    if method == "HEAD":
        return Click.Kind.HEAD
    # Word by word: one expression for all took as long to look through a browser's name as to find the page.
    name = user_agent.lower()
    is_bot = any(word in name for word in BOT_WORDS) or ("bot" in name and BOT.search(name))
    return Click.Kind.BOT if is_bot else Click.Kind.VISIT


def is_code(text: str) -> bool:
    return CODE.fullmatch(text) is not None


def check_code(code: str) -> None:
    """ValidationError: not a code that can stand in an address."""
    if not is_code(code):
        message = _("A code has up to 60 letters, digits, dots, hyphens and underscores.")
        raise ValidationError(message, "invalid_code")
