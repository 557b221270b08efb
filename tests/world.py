"""A world in which every table has a row that somebody must not see (tests/test_doors.py)."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from accounts.models import AccessLog, ApiKey, AuditEntry, Brand, User
from accounts.sealing import seal
from accounts.services import create_api_key, record_change
from affiliates.models import (
    Affiliate,
    AffiliateEvent,
    Attribution,
    CataloguePromise,
    Claim,
    Click,
    Coupon,
    LinkPromise,
    Purchase,
    PurchaseChange,
    Refund,
    Suspicion,
    VisitCount,
)
from affiliates.services import invite_member, invite_staff
from complaints.models import (
    Alarm,
    Attachment,
    AttachmentContent,
    CannedAnswer,
    Complaint,
    ComplaintChange,
    ComplaintEvent,
    ComplaintLink,
    ComplaintResponse,
    ComplaintWords,
    DayOff,
    Guide,
    GuideQuestion,
    GuideText,
    GuideVerdict,
    IncomingMail,
    IncomingMailContent,
    Pause,
    Recount,
    Remedy,
    SavedView,
    WarrantyDecision,
    WarrantyRule,
)
from insights.models import (
    Action,
    AffiliateWord,
    Alert,
    Attention,
    Block,
    BrandFigure,
    CaseCount,
    Circumstance,
    Cohort,
    Contribution,
    CountedCase,
    CountedResponse,
    Finding,
    FindingMessage,
    HeardFeedback,
    Measurement,
    MonthlyAnswers,
    Preference,
    PublicPage,
    PublishedCount,
    QualityVerdict,
    Quote,
    QuoteReport,
    Rollup,
    SalesCount,
    ShownCount,
    Standing,
    Target,
    TellingWord,
    Weighing,
)
from intake.models import BlockedRecord, Erasure, Hook, IdempotencyKey, ImportRun, InboundEvent, RetentionRun, Source
from mailing.addresses import hash_address
from mailing.models import Delivery, DeliveryAttempt, Endpoint, MailEvent, OutgoingMail, Suppression, WebhookEvent
from mailing.tokens import current_key_version, hash_token, make_token
from surveys.models import (
    Answer,
    Aspect,
    Fact,
    Hold,
    Invitation,
    InvitationMail,
    Question,
    Response,
    ResponseChange,
    ResponseRevision,
    SampleMail,
    Survey,
    Wave,
)
from surveys.services.consenting import keep_consent
from tests import factories
from tests.factories import NOW


@dataclass(frozen=True)
class World:
    """Lumbre and all that is in it; who look: Ana, her rival Bruno, and Olga of another brand."""

    brand: Brand
    staff: User
    ana: User
    bruno: User
    olga: User
    affiliate: Affiliate
    purchase: Purchase
    mail: OutgoingMail
    complaint: Complaint
    api_key: ApiKey
    key_text: str


def make_world() -> World:
    brand = factories.make_brand()
    staff = factories.make_staff(brand)
    affiliate = factories.make_affiliate(brand, "Ana")
    ana = factories.make_member(affiliate)
    Preference.objects.create(member=affiliate.members.get(), told_at=NOW)
    bruno = factories.make_member(factories.make_affiliate(brand, "Bruno"))
    olga = factories.make_staff(factories.make_brand("otra"), "Olga")
    api_key, key_text = create_api_key(brand, name="tienda")
    AccessLog.objects.create(brand=brand, user=staff, purpose=AccessLog.Purpose.VIEW, object_type="customer")
    record_change(staff, brand, AuditEntry.Action.CHANGED, brand, k=[5, 7])
    purchase = make_sale(brand, affiliate)
    mail = make_mail(brand, purchase)
    response = make_answer(brand, purchase, mail, staff)
    complaint = make_case(brand, purchase, response, staff)
    make_figures(brand, affiliate, response)
    make_case_counts(brand, affiliate, complaint)
    make_comparison(brand, affiliate)
    make_inbound(brand)
    make_webhooks(brand)
    RetentionRun.objects.create(ran_at=NOW, counts={"clicks": 3})
    erasure = Erasure.objects.create(
        brand=brand, customer=purchase.customer, door="staff", requested_at=NOW, step="done", finished_at=NOW
    )
    BlockedRecord.objects.create(brand=brand, erasure=erasure, sealed=seal("what a court may need"), since=NOW)
    return World(brand, staff, ana, bruno, olga, affiliate, purchase, mail, complaint, api_key, key_text)


def make_sale(brand: Brand, affiliate: Affiliate) -> Purchase:
    link = factories.make_link(affiliate, "guia", campaign="Guía de botas")
    LinkPromise.objects.create(link=link, text="Envío en 24 h")
    CataloguePromise.objects.create(brand=brand, code="world", labels={"es": "Gratis"})
    Coupon.objects.create(brand=brand, affiliate=affiliate, code="ana10", valid_from=NOW)
    Click.objects.create(link=link, occurred_at=NOW - timedelta(days=3))
    VisitCount.objects.create(link=link, month=date(2024, 12, 1), visits=9)
    customer = factories.make_customer(brand)
    purchase = factories.make_purchase(customer, affiliate=affiliate, product=factories.make_product(brand))
    Attribution.objects.filter(purchase=purchase).update(link=link)
    Refund.objects.create(purchase=purchase, external_id="D-1", amount=5, refunded_at=NOW)
    PurchaseChange.objects.create(purchase=purchase)
    sale: dict[str, Any] = {"purchased_on": NOW.date(), "amount": 49, "currency": "EUR"}
    AffiliateEvent.objects.create(affiliate=affiliate, kind=AffiliateEvent.Kind.IMPORTED, at=NOW)
    invite_member(affiliate, "nueva@lumbre-afiliados.example", by=None, now=NOW)
    invite_staff(brand, "nueva@lumbre.example", role="agent", by=brand.memberships.get().user, now=NOW)
    Suspicion.objects.create(
        affiliate=affiliate, purchase=purchase, kind=Suspicion.Kind.OWN_ADDRESS, key=str(purchase.pk), found_at=NOW
    )
    Claim.objects.create(
        affiliate=affiliate, order_reference=purchase.external_id, **sale, filed_at=NOW, due_on=NOW.date()
    )
    return purchase


def make_mail(brand: Brand, purchase: Purchase) -> OutgoingMail:
    mail = OutgoingMail(
        brand=brand,
        dedupe_key="invitation:world",
        template="surveys/invitation",
        language="es",
        to_address=purchase.customer.email or "",
        scopes=["surveys"],
        guarantee=OutgoingMail.Guarantee.AT_MOST_ONCE,
        message_id="<world@lumbre.example>",
        not_before=NOW,
        state=OutgoingMail.State.SENT,
        sent_at=NOW,
    )
    mail.token_hash = hash_token(mail.token)
    mail.save()
    MailEvent.objects.create(
        brand=brand, mail=mail, kind=MailEvent.Kind.DELIVERED, source="smtp", event_id="1", occurred_at=NOW
    )
    Suppression.objects.create(
        brand=brand, address_hash=hash_address("nadie@correo.example"), reason=Suppression.Reason.OPTED_OUT
    )
    return mail


def make_answer(brand: Brand, purchase: Purchase, mail: OutgoingMail, staff: User) -> Response:
    survey = Survey.objects.create(
        brand=brand, wave=Wave.FIRST, version=100, status=Survey.Status.DRAFT, published_at=NOW
    )
    question = Question.objects.create(survey=survey, key="csat", kind=Question.Kind.SCALE, position=1, low=1, high=5)
    Fact.objects.create(brand=brand, code="world", labels={"es": "Plazos"})
    Aspect.objects.create(brand=brand, code="world", labels={"es": "Entrega"})
    invitation = Invitation.objects.create(
        brand=brand, survey=survey, occasion=f"purchase:{purchase.pk}", purchase=purchase, state=Invitation.State.QUEUED
    )
    InvitationMail.objects.create(invitation=invitation, kind=InvitationMail.Kind.FIRST, mail=mail)
    SampleMail.objects.create(
        survey=survey, purchase=purchase, mail=mail, kind=InvitationMail.Kind.FIRST, sent_by=staff, created_at=NOW
    )
    Hold.objects.create(purchase=purchase, cause="complaint:world")
    response = Response.objects.create(brand=brand, invitation=invitation, answered_at=NOW, updated_at=NOW)
    Answer.objects.create(response=response, question=question, number=1)
    ResponseRevision.objects.create(response=response, answered_at=NOW)
    keep_consent(response, wording="Podéis publicarlo", now=NOW)
    ResponseChange.objects.create(response=response)
    return response


def make_case(brand: Brand, purchase: Purchase, response: Response, staff: User) -> Complaint:
    told: dict[str, Any] = {"customer": purchase.customer, "subject": "Llegó roto"}
    complaint = new_case(brand, "2026-000007", purchase=purchase, **told)
    ComplaintResponse.objects.create(complaint=complaint, response=response)
    event = ComplaintEvent.objects.create(complaint=complaint, kind=ComplaintEvent.Kind.OPENED, at=NOW)
    ComplaintChange.objects.create(complaint=complaint)
    ComplaintWords.objects.create(complaint=complaint, brand=brand, words="roto")
    ComplaintLink.objects.create(complaint=complaint, other=new_case(brand, "2026-000008", **told))
    photo = Attachment.objects.create(
        complaint=complaint, event=event, name="foto.png", content_type="image/png", size=1, created_at=NOW
    )
    AttachmentContent.objects.create(attachment=photo, data=b"x")
    guide = Guide.objects.create(brand=brand, slug="limpiar", is_published=True)
    GuideText.objects.create(guide=guide, language="es", title="Cómo se limpian", body="Con agua.")
    GuideVerdict.objects.create(guide=guide, language="es", helped=True, created_at=NOW)
    GuideQuestion.objects.create(guide=guide, complaint=complaint, created_at=NOW)
    came: dict[str, Any] = {"brand": brand, "complaint": complaint, "received_at": NOW, "try_at": NOW}
    mail = IncomingMail.objects.create(message_id="<world@correo.example>", **came)
    IncomingMailContent.objects.create(mail=mail, data=b"From: carla@correo.example")
    CannedAnswer.objects.create(brand=brand, title="Mundo", language="es", text="Hola, {name}")
    SavedView.objects.create(user=staff, name="Garantías", query="queue=all")
    make_clocks(brand, complaint)
    make_amends(brand, complaint)
    return complaint


def make_clocks(brand: Brand, complaint: Complaint) -> None:
    DayOff.objects.create(brand=brand, day=NOW.date(), name="Fiesta mundial")
    Pause.objects.create(complaint=complaint, cause="customer", began_at=NOW)
    Recount.objects.create(brand=brand, since=NOW.date(), asked_at=NOW)
    Alarm.objects.create(complaint=complaint, clock="law", level="warning", due_at=NOW, at=NOW)


def make_amends(brand: Brand, complaint: Complaint) -> None:
    Remedy.objects.create(complaint=complaint, kind="refund", state="offered", created_at=NOW)
    WarrantyRule.objects.create(brand=brand, source="Mundo", months=12)
    WarrantyDecision.objects.create(complaint=complaint, reckoned="in", decided="in", decided_at=NOW)


def new_case(brand: Brand, number: str, **fields: Any) -> Complaint:
    complaint = Complaint(brand=brand, number=number, **{"opened_at": NOW, **fields})
    complaint.token_hash = hash_token(make_token("complaint", complaint.uuid, key_version=current_key_version()))
    complaint.save()
    return complaint


def make_figures(brand: Brand, affiliate: Affiliate, response: Response) -> None:
    cell: dict[str, Any] = {"brand": brand, "affiliate": affiliate}
    Rollup.objects.create(**cell, wave=Wave.FIRST, day=NOW.date(), question="csat", value="1", count=1)
    block = Block.objects.create(**cell, sequence=1, month=NOW.date().replace(day=1), n=5, published_at=NOW)
    CountedResponse.objects.create(**cell, response=response, wave=Wave.FIRST, day=NOW.date())
    count: dict[str, Any] = {"month": block.month, "question": "csat", "value": "1", "count": 1}
    PublishedCount.objects.create(
        **cell, **count, audience=PublishedCount.Audience.AFFILIATE, answered_month=block.month
    )
    ShownCount.objects.create(**cell, **count)
    quote = Quote.objects.create(**cell, block=block, response=response, question="expectation", text="Más rápido")
    QuoteReport.objects.create(**cell, quote=quote, reason=QuoteReport.Reason.NOT_MINE, reported_at=NOW)
    Measurement.objects.create(brand=brand, measured_at=NOW)
    word: dict[str, Any] = {"side": "unhappy", "form": "retraso", "comments": 3, "customers": 3, "z": 2.5}
    TellingWord.objects.create(brand=brand, **word)
    AffiliateWord.objects.create(**cell, is_published=True, **word)
    weights = [["aspect", "entrega", 1.0, 1.0, 1.0]]
    Weighing.objects.create(
        brand=brand, audience="staff", method="weights", answers=70, weights=weights, read_until=NOW
    )
    sums = {"customers": 1, "known": 1, "answers": 1, "total": 1, "squares": 1, "satisfied": 0, "is_common": False}
    for audience in Circumstance.Audience:
        Circumstance.objects.create(brand=brand, audience=audience, kind="late", code="late", **sums)
    finding = Finding.objects.create(**cell, kind=Finding.Kind.EXPECTATION, key=f"quote:{quote.pk}", quote=quote)
    heard = {"heard_on": NOW.date(), "kind": "praise", "text": "Me encantó", "created_at": NOW}
    HeardFeedback.objects.create(**cell, **heard)
    PublicPage.objects.create(affiliate=affiliate)
    FindingMessage.objects.create(finding=finding, is_from_brand=True, text="Lo miramos", written_at=NOW)
    Action.objects.create(
        **cell, text="Digo el plazo", changed_on=NOW.date(), subject="figure", key="csat", finding=finding
    )
    make_customers_worth(brand, affiliate)


def make_case_counts(brand: Brand, affiliate: Affiliate, complaint: Complaint) -> None:
    cell: dict[str, Any] = {"brand": brand, "affiliate": affiliate}
    case: dict[str, Any] = {"day": NOW.date(), "kind": complaint.kind}
    CaseCount.objects.create(**cell, **case, count=1)
    CountedCase.objects.create(**cell, **case, complaint=complaint)
    MonthlyAnswers.objects.create(**cell, month=NOW.date().replace(day=1), count=1)


def make_comparison(brand: Brand, affiliate: Affiliate) -> None:
    month = NOW.date().replace(day=1)
    Target.objects.create(brand=brand, figure="csat", aim=80)
    BrandFigure.objects.create(brand=brand, figure="csat", value=0.8, low=0.7, high=0.9, n=60)
    Standing.objects.create(brand=brand, affiliate=affiliate, month=month, quarter=2)
    sums = ("ratings", "rated_well", "purchases", "customers", "refunded", "complained")
    judged = {"answers": 20, "satisfied": 18, **dict.fromkeys(sums, 1)}
    SalesCount.objects.create(brand=brand, affiliate=affiliate, month=month, reason="coupon", first_in="all", count=1)
    QualityVerdict.objects.create(brand=brand, affiliate=affiliate, quarter=month, judged_at=NOW, **judged)
    fallen = {"since": month, "good_before": 28, "n_before": 30, "good_now": 8, "n_now": 30}
    Alert.objects.create(brand=brand, affiliate=affiliate, key="world", has_to_improve=True, opened_at=NOW, **fallen)


def make_customers_worth(brand: Brand, affiliate: Affiliate) -> None:
    counts = ("customers", "newcomers", "active", "settled", "repeated", "returned")
    sales = ("purchases", "refunded", "complained", "recommended", "indirect")
    for audience in ("staff", "affiliate"):
        own: dict[str, Any] = {"brand": brand, "affiliate": affiliate, "audience": audience}
        Contribution.objects.create(**own, counted_on=NOW.date(), **dict.fromkeys((*counts, *sales), 1))
        Cohort.objects.create(**own, month=NOW.date().replace(day=1), later=0, customers=1)
        Attention.objects.create(**own, cause=Attention.Cause.SILENCE, counted_on=NOW.date(), count=5)


def make_inbound(brand: Brand) -> None:
    IdempotencyKey.objects.create(brand=brand, key="k", request_hash=bytes(32), status=201, body={})
    Hook.objects.create(brand=brand, source=Source.SHOPIFY, sealed_secret=seal("geheim"))
    InboundEvent.objects.create(brand=brand, source=Source.SHOPIFY, event_id="1", body=b"{}")
    ImportRun.objects.create(brand=brand, kind=ImportRun.Kind.PURCHASES, file_name="compras.csv", file_hash="0")


def make_webhooks(brand: Brand) -> None:
    endpoint = Endpoint.objects.create(
        brand=brand, url="https://erp.lumbre.example/in", events=["complaint.opened"], sealed_secret=seal("whsec_")
    )
    event = WebhookEvent.objects.create(brand=brand, kind="complaint.opened", data={"number": "2026-000007"})
    delivery = Delivery.objects.create(endpoint=endpoint, event=event)
    DeliveryAttempt.objects.create(delivery=delivery, milliseconds=10, status=500)
