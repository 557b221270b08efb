"""Whose pages somebody may open, and what stands on them besides what customers say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import Prefetch, Q, QuerySet, Sum
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Brand, User
from affiliates.models import Affiliate, AffiliateMember, LinkPromise, MemberInvitation, TrackingLink
from affiliates.services.telling import audience_of
from insights.comparing import recovered_since
from insights.conversations import Topic, unread_messages
from insights.models import Action, AffiliateWord, Block, HeardFeedback, Measurement, Preference, TellingWord
from insights.services.reporting import mark_of_words
from mailing.models import Delivery, DeliveryAttempt, Endpoint, OutgoingMail, Suppression
from mailing.selectors import suppressed_addresses
from surveys.models import Aspect, Fact
from surveys.wording import in_language

DELIVERIES_SHOWN = 20
PAGES = (
    *("home", "drivers", "opinions", "comparison", "links", "new_link", "sales", "claims", "export", "terms"),
    *("report", "close_tour"),
    *("heard", "reputation", "actions", "new_action", "conversations", "customers", "customers_export"),
    *("people", "change_person", "remove_person", "withdraw_invitation", "webhook", "change_webhook", "notifications"),
)


@dataclass(frozen=True)
class Reader:
    """The affiliate whose pages are open, and as whom. No member: staff of the brand, who see what the affiliate sees.

    `path` is what the address says of the affiliate: nothing where it is the reader's own.
    """

    affiliate: Affiliate
    member: AffiliateMember | None
    memberships: tuple[AffiliateMember, ...] = ()
    path: Mapping[str, str] = field(default_factory=dict)

    @property
    def brand(self) -> Brand:
        return self.affiliate.brand

    @property
    def greeting(self) -> str:
        """The reader by their first name; staff see the page's owner."""
        name = self.member.user.get_short_name() if self.member else self.affiliate.name
        return _("Hello, %(name)s.") % {"name": name}

    @property
    def may_change_links(self) -> bool:
        """Staff look only, and an affiliate that is not active yet waits."""
        return self.member is not None and self.affiliate.is_active

    @property
    def may_manage_people(self) -> bool:
        """Its owners only: staff do it in the admin."""
        return self.may_change_links and self.member is not None and self.member.role == AffiliateMember.Role.OWNER

    def url_of(self, page: str, link: TrackingLink) -> str:
        return reverse(f"dashboards:{page}", kwargs={**self.path, "link": link.code})

    def url_of_sale(self, on: date, mark: str) -> str:
        return reverse("dashboards:sale", kwargs={**self.path, "day": on.isoformat(), "mark": mark})

    def url_of_words(self, question: str, text: str) -> str:
        """Where they are reported."""
        mark = mark_of_words(self.affiliate, question, text)
        return reverse("dashboards:report_opinion", kwargs={**self.path, "mark": mark})

    def url_of_expectation(self, question: str, text: str) -> str:
        """Where it is talked about."""
        key = mark_of_words(self.affiliate, question, text)
        return reverse("dashboards:conversation", kwargs={**self.path, "kind": "expectation", "key": key})

    def url_of_topic(self, topic: Topic) -> str:
        return reverse("dashboards:conversation", kwargs={**self.path, "kind": topic.kind, "key": topic.key})

    def url_of_heard(self, heard: HeardFeedback) -> str:
        return reverse("dashboards:forget_heard", kwargs={**self.path, "heard": heard.uuid})

    def url_of_action(self, page: str, action: Action) -> str:
        return reverse(f"dashboards:{page}", kwargs={**self.path, "action": action.uuid})

    @property
    def urls(self) -> dict[str, str]:
        return {name: reverse(f"dashboards:{name}", kwargs=dict(self.path)) for name in PAGES}

    @property
    def others(self) -> list[tuple[str, str]]:
        """Name and address of the other affiliates that the same person signs in for."""
        return [
            (f"{other.affiliate} · {other.affiliate.brand}", home_of(other.affiliate))
            for other in self.memberships
            if other.affiliate_id != self.affiliate.pk
        ]


def home_of(affiliate: Affiliate) -> str:
    return reverse("dashboards:home", kwargs={"brand": affiliate.brand.slug, "code": affiliate.code})


def find_reader(user: User, brand: str = "", code: str = "") -> Reader | None:
    """The affiliate of that brand and code, if it is the user's own or of a brand whose staff they are; else None.

    Without a code the first of the user's own.
    """
    memberships = tuple(
        AffiliateMember.objects.visible_to(user)
        .filter(user=user)
        .select_related("affiliate__brand", "user")
        .order_by("affiliate__brand__name", "affiliate__code")
    )
    own = [m for m in memberships if not code or (m.affiliate.brand.slug, m.affiliate.code) == (brand, code)]
    path = {"brand": brand, "code": code} if code else {}
    if own:
        return Reader(own[0].affiliate, own[0], memberships, path)
    affiliates = Affiliate.objects.visible_to(user).select_related("brand")
    affiliate = affiliates.filter(brand__slug=brand, code=code).first() if code and user.is_staff else None
    return Reader(affiliate, None, memberships, path) if affiliate else None


def find_brand(user: User, slug: str) -> Brand | None:
    """A brand whose staff the user is."""
    return Brand.objects.visible_to(user).filter(slug=slug).first()


def measured_at(brand: Brand) -> datetime | None:
    """When it was last worked out what moves the brand's score."""
    return Measurement.objects.filter(brand=brand).values_list("measured_at", flat=True).first()


def labels_of_aspects(brand: Brand, language: str) -> dict[str, str]:
    return {
        aspect.code: in_language(aspect.labels, language, brand.default_language) or aspect.code
        for aspect in Aspect.objects.filter(brand=brand)
    }


def words_of_affiliate(affiliate: Affiliate) -> dict[str, list[AffiliateWord]]:
    """By side, from all comments: for staff."""
    sides: dict[str, list[AffiliateWord]] = {}
    for word in AffiliateWord.objects.filter(affiliate=affiliate, is_published=False):
        sides.setdefault(word.side, []).append(word)
    return sides


@dataclass(frozen=True)
class TellingTheme:
    """What one side says more than the other of an aspect; no label where it is about none. The most telling first."""

    label: str
    words: list[TellingWord]


def telling_words_of(brand: Brand, language: str) -> dict[str, list[TellingTheme]]:
    """By side; themes by their most telling word, and last the words that are about nothing in particular."""
    labels = labels_of_aspects(brand, language)
    sides: dict[str, dict[str, list[TellingWord]]] = {}
    for word in TellingWord.objects.filter(brand=brand):
        sides.setdefault(word.side, {}).setdefault(word.theme, []).append(word)
    return {
        side: [TellingTheme(labels.get(theme, theme), words) for theme, words in sorted(themes.items(), key=_is_other)]
        for side, themes in sides.items()
    }


def _is_other(theme: tuple[str, list[TellingWord]]) -> bool:
    return not theme[0]


def brands_of(user: User) -> list[Brand]:
    return list(Brand.objects.visible_to(user).order_by("name"))


def find_affiliates(user: User, search: str) -> QuerySet[Affiliate]:
    """Those the user may see, with the search in their name or code."""
    affiliates = Affiliate.objects.visible_to(user).select_related("brand").order_by("name", "pk")
    return affiliates.filter(Q(name__icontains=search) | Q(code__icontains=search)) if search else affiliates


@dataclass(frozen=True)
class News:
    """What has come since a visit: answers published, in whole blocks and so never a few; and what is good again.

    `messages`: from the brand, that nobody has read yet.
    """

    since: datetime
    answers: int
    recovered: tuple[str, ...] = ()
    messages: int = 0


def news_since(affiliate: Affiliate, since: datetime, language: str) -> News:
    blocks = Block.objects.filter(brand=affiliate.brand, affiliate=affiliate, published_at__gt=since)
    recovered = recovered_since(affiliate, since, language)
    labels = tuple(fall.label or _("Satisfied customers") for fall in recovered)
    return News(since, blocks.aggregate(n=Sum("n"))["n"] or 0, labels, unread_messages(affiliate))


def links_of(reader: Reader) -> list[TrackingLink]:
    """With what stands promised at each, the newest first."""
    promises = Prefetch("promises", LinkPromise.objects.standing().order_by("pk"), to_attr="standing_promises")
    return list(TrackingLink.objects.filter(affiliate=reader.affiliate).prefetch_related(promises))


def find_link(reader: Reader, code: str) -> TrackingLink | None:
    """The affiliate's own link of that code, with all that ever stood promised there."""
    links = TrackingLink.objects.filter(affiliate=reader.affiliate, code=code)
    return links.prefetch_related(Prefetch("promises", LinkPromise.objects.order_by("pk"))).first()


def actions_of(reader: Reader) -> QuerySet[Action]:
    """What the affiliate wrote down, the newest first."""
    return Action.objects.filter(affiliate=reader.affiliate).select_related("link").newest_first()


def heard_by(reader: Reader) -> QuerySet[HeardFeedback]:
    """What the affiliate was told directly, the newest first."""
    return HeardFeedback.objects.filter(brand=reader.brand, affiliate=reader.affiliate)


def people_of(reader: Reader) -> QuerySet[AffiliateMember]:
    """Who signs in for the affiliate, its owners first."""
    people = AffiliateMember.objects.filter(affiliate=reader.affiliate).select_related("user", "affiliate")
    return people.order_by("-role", "created_at", "pk")


def invitations_of(reader: Reader, *, now: datetime) -> list[tuple[MemberInvitation, bool]]:
    """Those not taken up nor withdrawn, the newest first, each with whether its link still works."""
    pending = MemberInvitation.objects.pending().filter(affiliate=reader.affiliate).select_related("affiliate")
    return [(invitation, invitation.is_usable(now)) for invitation in pending]


def needs_tour(reader: Reader) -> bool:
    """Has this person not put it away yet? Staff who look on know what the boards are for."""
    if reader.member is None:
        return False
    return not Preference.objects.filter(member=reader.member, toured_at__isnull=False).exists()


def rhythm_of(member: AffiliateMember) -> str:
    """How often they get a summary; never, too, if they left them by a link."""
    if _objection(member) == Suppression.Reason.OPTED_OUT:
        return Preference.Rhythm.NEVER
    chosen = Preference.objects.filter(member=member).values_list("rhythm", flat=True).first()
    return chosen or Preference.Rhythm.WEEKLY


def objection_to_digests(member: AffiliateMember) -> str:
    """Why their address takes no summary, other than by their own wish; empty: it does."""
    objection = _objection(member)
    return "" if objection == Suppression.Reason.OPTED_OUT else objection


def _objection(member: AffiliateMember) -> str:
    found = suppressed_addresses(member.affiliate.brand, [member.user.email], scopes=[OutgoingMail.DIGEST])
    return next(iter(found.values()), "")


def facts_to_tell(brand: Brand, language: str) -> list[str]:
    """What the brand wants told before every sale, whatever customers have said so far: seven lines at most."""
    facts = Fact.objects.filter(brand=brand, is_active=True)
    return [text for fact in facts if (text := fact.advice.get(language, ""))][:7]


def webhooks_of(reader: Reader) -> QuerySet[Endpoint]:
    """Where the affiliate's own programs are told."""
    own = Endpoint.objects.standing().filter(brand=reader.brand, audience=audience_of(reader.affiliate))
    return own.order_by("pk")


def newest_deliveries(reader: Reader) -> list[Delivery]:
    """What was sent there last or waits, each with its last answer in words as `outcome`."""
    attempts = Prefetch("attempts", DeliveryAttempt.objects.order_by("at", "pk"), to_attr="tried")
    # What is told tomorrow stays unknown until then: when it was written down says when somebody answered.
    due = Delivery.objects.filter(endpoint__in=webhooks_of(reader), event__occurred_at__lte=Now())
    deliveries = due.select_related("event")
    newest: list[Any] = list(deliveries.prefetch_related(attempts).order_by("-pk")[:DELIVERIES_SHOWN])
    for delivery in newest:
        last = delivery.tried[-1] if delivery.tried else None
        told = (last.status, last.get_problem_display()) if last else ()
        delivery.outcome = " · ".join(str(part) for part in told if part)
    return newest
