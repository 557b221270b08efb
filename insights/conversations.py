"""What affiliate and brand talk about: findings by name, with what was written last.

Nothing here tells more than the boards do: an aspect or a fact by its name in the catalogue, an expectation by the
published words in which it was said.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Q, QuerySet

from affiliates.models import Affiliate
from insights.findings import Catalogue
from insights.models import Finding, FindingMessage
from insights.privacy import catalogue_of
from insights.services.reporting import find_quotes, mark_of_words

Kind = Finding.Kind


@dataclass(frozen=True)
class Topic:
    """What can be talked about. `kind` and `key` name it in addresses; no `finding`: nobody has spoken of it yet."""

    kind: str
    key: str
    title: str
    is_quote: bool
    finding: Finding | None = None

    @property
    def stored_key(self) -> str:
        return self.finding.key if self.finding else self.key


@dataclass(frozen=True)
class Conversation:
    topic: Topic
    last_at: datetime | None
    unread: int


def find_topic(affiliate: Affiliate, kind: str, key: str, language: str) -> Topic | None:
    """By what its address says; None: it is nothing on the affiliate's boards."""
    if kind == Kind.EXPECTATION:
        return _said_in_words(affiliate, key)
    title = _name(kind, key, catalogue_of(affiliate.brand, language))
    finding = findings_of(affiliate).filter(kind=kind, key=key).first() if title else None
    return Topic(kind, key, title, is_quote=False, finding=finding) if title else None


def _said_in_words(affiliate: Affiliate, mark: str) -> Topic | None:
    quotes = [quote.pk for quote in find_quotes(affiliate, mark)]
    finding = findings_of(affiliate).filter(kind=Kind.EXPECTATION, quote__in=quotes).order_by("pk").first()
    if finding is None or finding.quote is None:
        return None
    return Topic(Kind.EXPECTATION, mark, finding.quote.text, is_quote=True, finding=finding)


def conversations_of(affiliate: Affiliate, language: str) -> list[Conversation]:
    """What has been talked about, what is unread first and the newest before the older; then what could be."""
    read = Q(messages__is_from_brand=False) | Q(messages__read_at__isnull=False)
    found = (
        findings_of(affiliate)
        .annotate(last_at=Max("messages__written_at"), unread=Count("messages", filter=~read))
        .exclude(kind=Kind.EXPECTATION, last_at=None)
    )
    catalogue = catalogue_of(affiliate.brand, language)
    listed = [_conversation(finding, affiliate, catalogue) for finding in found]
    return sorted(
        (each for each in listed if each.topic.title),
        key=lambda each: (not each.unread, -(each.last_at.timestamp() if each.last_at else 0), each.topic.title),
    )


def _conversation(finding: Finding, affiliate: Affiliate, catalogue: Catalogue) -> Conversation:
    if finding.quote is not None:
        mark = mark_of_words(affiliate, finding.quote.question, finding.quote.text)
        topic = Topic(finding.kind, mark, finding.quote.text, is_quote=True, finding=finding)
    else:
        title = _name(finding.kind, finding.key, catalogue)
        topic = Topic(finding.kind, finding.key, title, is_quote=False, finding=finding)
    return Conversation(topic, finding.last_at, finding.unread)  # type: ignore[attr-defined]


def findings_of(affiliate: Affiliate) -> QuerySet[Finding]:
    """Whose words were taken down is talked about no more."""
    own = Finding.objects.filter(brand=affiliate.brand, affiliate=affiliate).select_related("quote")
    return own.filter(Q(quote=None) | Q(quote__hidden_at=None))


def messages_on(finding: Finding) -> list[FindingMessage]:
    """The oldest first."""
    return list(FindingMessage.objects.filter(finding=finding).select_related("written_by"))


def unread_messages(affiliate: Affiliate) -> int:
    unread = FindingMessage.objects.unread_by_affiliate().filter(finding__affiliate=affiliate)
    return unread.filter(Q(finding__quote=None) | Q(finding__quote__hidden_at=None)).count()


def _name(kind: str, key: str, catalogue: Catalogue) -> str:
    if kind in (Kind.IMPROVE, Kind.KEEP):
        return catalogue.aspects[key].label if key in catalogue.aspects else ""
    if kind == Kind.MISSING:
        return catalogue.facts[key].label if key in catalogue.facts else ""
    return ""
