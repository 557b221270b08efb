"""Puts the demo's story into the database, through the doors that real data comes by."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from itertools import islice
from typing import TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce, Least

from accounts.models import Brand, Membership, User
from accounts.services import add_staff
from affiliates.models import (
    Affiliate,
    AffiliateMember,
    Click,
    Coupon,
    LinkPromise,
    Product,
    Purchase,
    TrackingLink,
)
from affiliates.services import create_affiliate, create_link
from complaints.models import CannedAnswer, Complaint, Guide, GuideVerdict, WarrantyRule
from complaints.services import Problem, open_complaint
from complaints.services.following_up import follow_up
from complaints.services.guides import Words, write_guide
from complaints.services.handling import add_note, reply, resolve_complaint, take_complaint
from complaints.services.receiving import take_in
from complaints.services.remedying import Terms, add_remedy
from insights.actions import Subject
from insights.models import Figure, Finding, Target
from insights.services import fold_changes, measure_due_brands
from insights.services.acting import Change, write_action
from insights.services.conversing import answer_affiliate, write_to_brand
from insights.services.hearing import Heard, write_heard
from intake.demo.cases import CAUSES, LETTERS, NOTES, READY_ANSWERS, REPLIES, Letter
from intake.demo.cast import BRAND, HOST, PASSWORD, RECOMMENDERS, STAFF_EMAIL, Recommender
from intake.demo.guides import GUIDES, MAILS
from intake.demo.history import Sale, make_history
from intake.demo.second import answer_again
from intake.demo.together import CHANGES, HEARD, TALKS, Talk
from intake.services import create_brand, take_purchases
from mailing.models import OutgoingMail
from surveys.models import Invitation, InvitationMail, Response, Wave
from surveys.services.answering import AnswerData, submit_response
from surveys.services.importing import import_responses
from surveys.services.sending import queue_invitation_mails, with_purchases

T = TypeVar("T")
FOLLOWED_UP = timedelta(days=75)  # bad answers of the last weeks have a case; earlier ones came before the desk
ASKED_AGAIN_AFTER = timedelta(days=75)
ASKED_AGAIN_FOR = timedelta(days=180)  # since when customers of the demo are asked a second time
ANSWERS_AGAIN = 0.25  # of those who had answered at first
ABOUT_TO_BE_ASKED_AGAIN = 2
ASKED_HERE = timedelta(days=120)  # earlier they were asked by another tool, whose mail nobody knows of
UNSEEN = timedelta(hours=30)
STILL_OPEN = timedelta(days=4)
VISITS_WITHOUT_PURCHASE = (6, 18)  # for each that led to one


@transaction.atomic
def seed(*, seed: int, now: datetime) -> Brand:
    """The whole demo, or nothing of it."""
    brand = create_demo_brand()
    sofia = add_staff(brand, STAFF_EMAIL, role=Membership.Role.ADMIN, password=PASSWORD, name="Sofía Lara")
    links = {link.code: link for each in RECOMMENDERS for link in invite(brand, each, now=now)}
    sales = make_history(seed=seed, now=now)
    rng = random.Random(seed)  # noqa: S311  made up, not secret
    record_clicks(sales, links, rng=rng)
    for batch in batches(sales):
        take_purchases(brand, [sale.purchase for sale in batch], now=now, source="demo")
    take_answers(brand, sales, now=now)
    count_as_asked(brand, now=now)
    mail_the_latest(brand, now=now)
    ask_again(brand, sales, rng=random.Random(seed), now=now)  # noqa: S311
    work_on_answers(brand, by=sofia, rng=rng, now=now)
    work_on_letters(brand, by=sofia, now=now)
    write_guides(brand, now=now)
    bring_in_mail(brand, now=now)
    count_as_sent(brand, now=now)
    set_targets(brand)
    promise_warranty(brand)
    fold_changes(now=now)
    measure_due_brands(now=now)
    make_something_of_it(brand, by=sofia, now=now)
    return brand


def create_demo_brand() -> Brand:
    """One person at one machine plays everybody: asked at once, at all hours, as often as they buy."""
    at_once = dict.fromkeys(("delay_goods", "delay_digital", "delay_service"), timedelta(0))
    return create_brand(
        BRAND,
        name="Lumbre",
        country="ES",
        timezone="Europe/Madrid",
        color="#b4531f",
        allowed_hosts=[HOST, f"www.{HOST}"],
        accepts_applications=True,
        sender_name="Lumbre",
        survey_sender=f"encuestas@{HOST}",
        service_sender=f"atencion@{HOST}",
        reply_to=f"atencion@{HOST}",
        window_start="00:00",
        window_end="23:59:59.999999",
        is_spread=False,
        fatigue_days=0,
        follow_up_after=ASKED_AGAIN_AFTER,
        follow_up_rest_days=0,
        sampling_percent=100,
        survey_notice_default=True,
        checks_own_device=False,
        max_posts_per_address=0,
        max_messages_per_address=0,
        requires_second_factor=False,
        region="MD",
        solution_hours=120,
        **at_once,
    )


def set_targets(brand: Brand) -> None:
    """One that is met, one that is missed, and some in between."""
    aims = {
        Figure.CSAT: 75,
        Figure.NPS: 60,
        Figure.MISSING: 20,
        Figure.PROMISE_UNMET: 10,
        Figure.RESPONSE_RATE: 20,
        Figure.FIRST_ANSWER: 24,
    }
    Target.objects.bulk_create(Target(brand=brand, figure=figure, aim=aim) for figure, aim in aims.items())


def promise_warranty(brand: Brand) -> None:
    """What the law says nothing of."""
    terms = "Condiciones de los talleres, punto 4"
    WarrantyRule.objects.create(
        brand=brand, source=terms, product_kind=Product.Kind.SERVICE, category="Talleres", months=12
    )


def make_something_of_it(brand: Brand, *, by: User, now: datetime) -> None:
    """What affiliates have changed and were told, and what they and the brand write to each other."""
    affiliates = {each.code: each for each in Affiliate.objects.filter(brand=brand)}
    members = AffiliateMember.objects.filter(affiliate__brand=brand).select_related("affiliate", "user")
    people = {each.affiliate.code: each.user for each in members}
    for each in CHANGES:
        day = (now - timedelta(days=each.days_ago)).date()
        change = Change(each.text, day, Subject(each.kind, each.key))
        write_action(brand, affiliates.get(each.affiliate), change, by=people.get(each.affiliate, by), now=now)
    for told in HEARD:
        heard = Heard((now - timedelta(days=told.days_ago)).date(), told.kind, told.theme, told.text)
        write_heard(affiliates[told.affiliate], heard, by=people[told.affiliate], now=now)
    for talk in TALKS:
        write_to_each_other(affiliates[talk.affiliate], talk, people[talk.affiliate], by=by, now=now)


def write_to_each_other(affiliate: Affiliate, talk: Talk, person: User, *, by: User, now: datetime) -> None:
    asked_at = now - timedelta(days=talk.days_ago)
    write_to_brand(affiliate, talk.kind, talk.key, talk.question, by=person, now=asked_at)
    if talk.answer:
        finding = Finding.objects.get(affiliate=affiliate, kind=talk.kind, key=talk.key)
        answer_affiliate(finding, talk.answer, by=by, now=asked_at + timedelta(days=1))


def invite(brand: Brand, each: Recommender, *, now: datetime) -> list[TrackingLink]:
    """An affiliate with an account, links, what they promise there, and their coupon; all as of when they joined."""
    joined_at = now - timedelta(days=each.joined_days_ago)
    affiliate = create_affiliate(
        brand, each.code, each.name, public_name=each.public_name, email=each.email, now=joined_at
    )
    user = User.objects.create_user(each.email, PASSWORD, name=each.name, language="es")
    AffiliateMember.objects.create(affiliate=affiliate, user=user, accepted_terms_at=joined_at)
    if each.coupon:
        Coupon.objects.create(brand=brand, affiliate=affiliate, code=each.coupon, valid_from=joined_at)
    links = [
        create_link(
            affiliate,
            f"https://{HOST}{link.path}",
            code=link.code,
            campaign=link.campaign,
            promises=link.promises,
        )
        for link in each.links
    ]
    TrackingLink.objects.filter(affiliate=affiliate).update(created_at=joined_at)
    LinkPromise.objects.filter(link__affiliate=affiliate).update(made_at=joined_at)
    return links


def record_clicks(sales: Sequence[Sale], links: dict[str, TrackingLink], *, rng: random.Random) -> None:
    """The visits that led to a purchase, each among others of the same days that did not."""
    clicks = []
    for visit in (sale.visit for sale in sales if sale.visit):
        link = links[visit.link]
        clicks.append(Click(public_id=visit.public_id, link=link, occurred_at=visit.at))
        clicks += [
            Click(link=link, occurred_at=visit.at - timedelta(minutes=rng.uniform(1, 5000)))
            for _other in range(rng.randint(*VISITS_WITHOUT_PURCHASE))
        ]
    Click.objects.bulk_create(clicks, batch_size=5000)


def take_answers(brand: Brand, sales: Sequence[Sale], *, now: datetime) -> None:
    """As the history of another tool; of the last weeks, the bad ones are followed up."""
    answers = [sale.answer for sale in sales if sale.answer]
    recent = [answer for answer in answers if answer.answered_at > now - FOLLOWED_UP]
    earlier = [answer for answer in answers if answer.answered_at <= now - FOLLOWED_UP]
    for rows, is_followed_up in ((earlier, False), (recent, True)):
        for batch in batches(rows):
            import_responses(brand, batch, now=now, quotable=True, open_follow_up=is_followed_up)


def count_as_asked(brand: Brand, *, now: datetime) -> None:
    """Whoever was to be asked before today has been asked already: the demo does not begin with a flood."""
    received = Purchase.objects.filter(pk=OuterRef("purchase")).values_list(Coalesce("delivered_at", "activated_at"))
    asked = Invitation.objects.alias(received_at=Subquery(received)).filter(
        brand=brand, purchase__state=Purchase.State.OPEN, state__in=["planned", "cancelled"], reason__in=["", "too_old"]
    )
    for wave, delay in ((Wave.FIRST, timedelta(days=3)), (Wave.FOLLOW_UP, ASKED_AGAIN_AFTER)):
        due_before = now - (timedelta(hours=12) if wave == Wave.FIRST else delay)
        sent_at = Least(Subquery(received) + delay, now - timedelta(hours=1))
        asked.filter(wave=wave, received_at__lt=due_before).update(
            state=Invitation.State.QUEUED, reason="", sent_elsewhere_at=sent_at, scheduled_for=sent_at
        )


def mail_the_latest(brand: Brand, *, now: datetime) -> None:
    """Whoever was asked since the shop has Postventa has a mail, and answered on its page."""
    asked = Invitation.objects.filter(brand=brand, wave=Wave.FIRST, sent_elsewhere_at__gt=now - ASKED_HERE)
    invitations = with_purchases(list(asked.order_by("pk")))
    queue_invitation_mails(brand, invitations, kind=InvitationMail.Kind.FIRST, now=now)
    told_at = InvitationMail.objects.filter(mail=OuterRef("pk")).values("invitation__sent_elsewhere_at")
    OutgoingMail.objects.filter(brand=brand).update(not_before=Subquery(told_at))
    Response.objects.filter(invitation__in=invitations).update(source=Response.Source.WEB, external_id=None)
    asked.update(sent_elsewhere_at=None)
    count_as_sent(brand, now=now)


def ask_again(brand: Brand, sales: Sequence[Sale], *, rng: random.Random, now: datetime) -> None:
    """Some who were asked again two months later have answered; the latest are about to be asked."""
    about = {sale.purchase.external_id: sale.answer for sale in sales if sale.answer}
    asked = Invitation.objects.filter(brand=brand, wave=Wave.FOLLOW_UP, state=Invitation.State.QUEUED)
    latest = list(asked.order_by("-scheduled_for").values_list("pk", flat=True)[:ABOUT_TO_BE_ASKED_AGAIN])
    asked.filter(pk__in=latest).update(state=Invitation.State.PLANNED, sent_elsewhere_at=None, scheduled_for=now)
    lately = asked.filter(scheduled_for__gt=now - ASKED_AGAIN_FOR, purchase__external_id__in=about)
    for invitation in lately.select_related("purchase__customer", "brand").order_by("scheduled_for", "pk"):
        first = about[str(invitation.purchase)]
        at = (invitation.scheduled_for or now) + timedelta(hours=rng.uniform(1, 90))
        if at < now and rng.random() < ANSWERS_AGAIN:
            said = AnswerData(answer_again(first.given, language=first.language, rng=rng))
            submit_response(invitation, said, language=first.language, suspicions=[], now=at)


def count_as_sent(brand: Brand, *, now: datetime) -> None:
    """Mail of the past went out in the past."""
    OutgoingMail.objects.filter(brand=brand, not_before__lte=now).update(
        state=OutgoingMail.State.SENT,
        attempts=1,
        created_at=F("not_before"),
        handed_over_at=F("not_before"),
        sent_at=F("not_before"),
    )


# --- The desk --------------------------------------------------------------------------------------------------------
@dataclass
class Desk:
    """When Sofía does what: her working day goes on from the moment a case comes in."""

    by: User
    rng: random.Random
    now: datetime

    def work(self, complaint: Complaint) -> None:
        """Look after it within hours; close it within days, or wait for the customer. The newest is yet to be seen."""
        age = self.now - complaint.opened_at
        if age < UNSEEN and self.rng.random() < 0.6:
            return
        looked = complaint.opened_at + min(age / 2, timedelta(hours=self.rng.uniform(1, 20)))
        take_complaint(complaint, by=self.by, now=looked)
        if self.rng.random() < 0.3:
            add_note(
                complaint, text=self.rng.choice(NOTES), by=self.by, now=min(looked + timedelta(minutes=9), self.now)
            )
        words, resolution = self.rng.choice(REPLIES[complaint.part or "service"])
        # Where the customer is not to be written to there is nothing to wait for, and it is soon closed.
        is_open = age < STILL_OPEN and self.rng.random() < (0.7 if complaint.can_be_written_to else 0.25)
        answered = min(looked + timedelta(minutes=25), self.now)
        if complaint.can_be_written_to:
            reply(complaint, text=words, by=self.by, now=answered, waits=is_open)
        elif age < UNSEEN:
            return
        if not is_open:
            closed = answered + (self.now - answered) * self.rng.uniform(0.05, 0.5)
            causes = CAUSES.get(complaint.part, ("",))
            cause = causes[complaint.pk % len(causes)]
            resolve_complaint(complaint, resolution=resolution, cause=cause, by=self.by, now=closed)


def work_on_answers(brand: Brand, *, by: User, rng: random.Random, now: datetime) -> None:
    waiting = Response.objects.filter(brand=brand).needing_follow_up().order_by("answered_at")
    desk = Desk(by, rng, now)
    for pk, answered_at in list(waiting.values_list("pk", "answered_at")):
        follow_up(pk, now=answered_at + timedelta(seconds=20))
    for complaint in Complaint.objects.filter(brand=brand).order_by("opened_at"):
        desk.work(complaint)


def work_on_letters(brand: Brand, *, by: User, now: datetime) -> None:
    for language, title, text in READY_ANSWERS:
        CannedAnswer.objects.create(brand=brand, language=language, title=title, text=text)
    for letter in LETTERS:
        write_letter(brand, letter, by=by, now=now)


def write_letter(brand: Brand, letter: Letter, *, by: User, now: datetime) -> None:
    """A case about a purchase that fits and that nobody complained about before."""
    at = now - timedelta(days=letter.days_ago)
    fitting = Purchase.objects.annotate(had_since=Coalesce("delivered_at", "activated_at")).filter(
        brand=brand,
        complaints=None,
        product__sku=letter.sku,
        customer__language="es",
        had_since__lt=at - timedelta(days=letter.had_it_for),
    )
    purchase = fitting.order_by("-had_since").select_related("customer").first()
    problem = Problem(
        kind=letter.kind,
        subject=letter.subject,
        text=letter.text,
        severity=letter.severity,
        language="es",
        wants_contact=True,
        details=letter.details,
    )
    complaint, _created = open_complaint(brand, problem, purchase=purchase, now=at)
    if letter.reply:
        take_complaint(complaint, by=by, now=at + timedelta(hours=3))
        reply(complaint, text=letter.reply, by=by, now=at + timedelta(hours=4), waits=letter.is_waiting)
    if amends := letter.amends:
        terms = Terms(cost=amends.cost, note=amends.note)
        add_remedy(complaint, kind=amends.kind, state=amends.state, terms=terms, by=by, now=at + timedelta(hours=4))
    if letter.resolution:
        closed = at + timedelta(days=3)
        resolve_complaint(complaint, resolution=letter.resolution, cause=letter.cause, by=by, now=closed)


def write_guides(brand: Brand, *, now: datetime) -> None:
    for position, each in enumerate(GUIDES):
        product = Product.objects.filter(brand=brand, sku=each.sku).first()
        guide = Guide(brand=brand, product=product, is_published=True, position=position)
        write_guide(guide, {"es": Words(*each.es), "en": Words(*each.en)})
        said = [True] * each.helped + [False] * each.not_helped
        GuideVerdict.objects.bulk_create(
            [GuideVerdict(guide=guide, language="es", helped=helped, created_at=now) for helped in said]
        )


def bring_in_mail(brand: Brand, *, now: datetime) -> None:
    """What no rule places: a stranger's, and a customer's who has a case already."""
    case = Complaint.objects.open().filter(brand=brand, kind=Complaint.Kind.WARRANTY, customer__isnull=False).first()
    for number, (sender, subject, text) in enumerate(MAILS):
        mail = EmailMessage()
        mail["From"] = sender or (case.customer.email if case and case.customer else "") or "nadie@correo.example"
        mail["To"], mail["Subject"], mail["Message-ID"] = brand.reply_to, subject, f"<demo-{number}@correo.example>"
        mail.set_content(text)
        take_in(mail.as_bytes(), now=now - timedelta(hours=3 - number))


def batches(rows: Sequence[T]) -> Iterator[list[T]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, settings.PURCHASE_BATCH_SIZE)):
        yield batch


def affiliates_of(brand: Brand) -> list[dict[str, str]]:
    """How to sign in as each, in the order of the cast."""
    known = set(Affiliate.objects.filter(brand=brand).values_list("code", flat=True))
    return [{"code": e.code, "email": e.email, "password": PASSWORD} for e in RECOMMENDERS if e.code in known]
