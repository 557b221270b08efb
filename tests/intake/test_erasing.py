"""Nothing of an erased customer is left anywhere: every column of every table is marked before, and searched after."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis
from django.apps import apps
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.fields import ArrayField
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.db.models import Q

from accounts.models import Brand
from affiliates.models import Attribution, Click, Customer, Purchase
from affiliates.services import CustomerInput, PurchaseInput, record_purchases
from complaints.models import Complaint, ComplaintEvent, IncomingMail
from complaints.services import HistoricComplaint, import_complaints
from insights.models import MonthlyAnswers, Quote
from insights.services import fold_changes
from intake.models import Erasure, IdempotencyKey, InboundEvent
from intake.rights import erasing
from intake.rights.erasing import WORK, request_erasure, work_erasure, work_erasures
from intake.rights.holdings import HELD
from mailing.addresses import hash_address
from mailing.models import OutgoingMail, Suppression, WebhookEvent
from mailing.services import suppress
from mailing.services.erasing import ABOUT_ACCOUNTS
from surveys.models import Answer, Invitation, Response, ResponseChange
from tests import factories
from tests.factories import NOW
from tests.world import World, make_world

NEEDLE = "zq9x7k"
ADDRESS = f"{NEEDLE}.carla@correo.example"
NEXT_MONTH = NOW + timedelta(days=40)

# Tables in which there is nothing of customers, by who writes them. A new table is either erased or named here.
NOT_OF_CUSTOMERS = {
    "accounts": "the brand, its people and keys; who looked at what, by ids alone",
    "affiliates.Affiliate": "affiliates and their people",
    "affiliates.AffiliateEvent": "affiliates and their people",
    "affiliates.AffiliateMember": "affiliates and their people",
    "affiliates.MemberInvitation": "affiliates and their people",
    "affiliates.StaffInvitation": "the brand's people",
    "affiliates.TrackingLink": "affiliates",
    "affiliates.LinkPromise": "affiliates",
    "affiliates.VisitCount": "sums",
    "affiliates.Coupon": "affiliates",
    "affiliates.CataloguePromise": "the brand",
    "affiliates.Product": "the brand",
    "surveys.Survey": "the brand",
    "surveys.ConsentWording": "the brand",
    "surveys.Question": "the brand",
    "surveys.Fact": "the brand",
    "surveys.Aspect": "the brand",
    "complaints.CannedAnswer": "the brand",
    "complaints.DayOff": "the brand",
    "complaints.Guide": "the brand",
    "complaints.GuideText": "the brand",
    "complaints.GuideVerdict": "whether a page helped; of whom is not asked",
    "complaints.WarrantyRule": "the brand",
    "mailing.Suppression": "keyed hashes, which are to outlive the customer",
    "mailing.Endpoint": "the brand",
    "mailing.Heartbeat": "processes",
    "mailing.Alarm": "processes",
    "mailing.TaskRun": "processes",
    "insights.Block": "sums",
    "insights.Rollup": "sums",
    "insights.CaseCount": "sums",
    "insights.PublishedCount": "sums",
    "insights.SalesCount": "sums",
    "insights.ShownCount": "sums",
    "insights.Circumstance": "sums",
    "insights.Measurement": "sums",
    "insights.Attention": "sums, and the ids of purchases",
    "insights.Contribution": "sums",
    "insights.Weighing": "sums",
    "insights.Target": "the brand",
    "insights.BrandFigure": "sums",
    "insights.Alert": "sums",
    "insights.Action": "affiliates",
    "insights.Finding": "codes",
    "insights.HeardFeedback": "what affiliates write down of what they heard, without of whom",
    "insights.PublicPage": "affiliates",
    "insights.TellingWord": "words that at least three customers use, anew every night",
    "insights.AffiliateWord": "words that at least three customers use, anew every night",
    "intake.Hook": "the brand",
    "intake.Erasure": "ids",
    "intake.BlockedRecord": "what claims may need, sealed, until none can come any more",
    "intake.RetentionRun": "sums",
    "intake.Reading": "sums",
}
# Columns that stay as they are on purpose, though strangers write them.
STAYS = {
    "affiliates.Purchase.external_id": "an entry in the books; it tells a repeat, which would bring them back",
    "affiliates.Purchase.source": "a code",
    "affiliates.Refund.external_id": "an entry in the books; it tells a repeat",
    "affiliates.Claim.order_reference": "the affiliate's own word for the order",
    "intake.InboundEvent.event_id": "the other system's number of the event; it tells a repeat",
    "intake.InboundEvent.kind": "a topic",
    "intake.ImportRun.file_hash": "a hash of the whole file",
    "mailing.OutgoingMail.template": "a code",
    "surveys.Response.suspect_reasons": "codes",
    "surveys.Answer.codes": "codes of the survey's choices",
    "surveys.Answer.aspects": "codes",
}
ONLY = {"mailing.OutgoingMail": ~ABOUT_ACCOUNTS}  # the other is the invitation of an affiliate's member


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def erase(world: World, *, now: datetime = NOW) -> Erasure:
    erasure = request_erasure(world.purchase.customer, door=Erasure.Door.STAFF, by=world.staff, now=now)
    work_erasure(erasure, now=now)
    return erasure


def personal_models() -> list[type[models.Model]]:
    return [
        model
        for label in ("accounts", "mailing", "affiliates", "surveys", "complaints", "insights", "intake")
        for model in apps.get_app_config(label).get_models()
        if not model._meta.proxy and not {label, model._meta.label} & NOT_OF_CUSTOMERS.keys()
    ]


def mark_everything(world: World) -> set[str]:
    """Write the needle into every text of every row that is Carla's, as long as it fits; the columns marked."""
    triggers("replica")  # history refuses to be marked
    marked = {
        f"{model._meta.label}.{field.name}"
        for model in personal_models()
        for field in model._meta.concrete_fields
        if f"{model._meta.label}.{field.name}" not in STAYS and mark(model, field)
    }
    Customer.objects.update(email=ADDRESS, email_hash=hash_address(ADDRESS))
    OutgoingMail.objects.filter(~ABOUT_ACCOUNTS).update(to_address=ADDRESS)
    Purchase.objects.update(click_ids=list(Click.objects.values_list("public_id", flat=True)))
    triggers("origin")
    return marked


def triggers(role: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('session_replication_role', %s, true)", [role])


def mark(model: Any, field: Any) -> bool:
    rows = model._base_manager.filter(ONLY.get(model._meta.label, Q()))
    assert rows.exists() or model._meta.label in ("mailing.MailDomain",), f"tests/world.py has no {model._meta.label}"
    if field.choices or field.is_relation or f"{model._meta.label}.{field.name}" == "affiliates.Click.public_id":
        return False
    for row in rows:
        if (text := text_for(field, row.pk)) is None:
            return False
        model._base_manager.filter(pk=row.pk).update(**{field.name: text})
    return True


def text_for(field: Any, pk: Any) -> Any:
    if isinstance(field, models.JSONField):
        return [{"said": ADDRESS}] if field.get_default() == [] else {"said": ADDRESS}
    if isinstance(field, ArrayField):
        return [text_for(field.base_field, "")] if isinstance(field.base_field, models.CharField) else None
    if isinstance(field, models.BinaryField):
        return None if field.max_length else ADDRESS.encode()  # those with a length are hashes
    if not isinstance(field, models.CharField | models.TextField):
        return None
    is_unique = field.unique or field.name in ("number", "external_id", "occasion", "dedupe_key", "key")
    texts = [f"{pk}{ADDRESS}", f"{pk}{NEEDLE}"] if is_unique else [ADDRESS, NEEDLE]
    return next((text for text in texts if len(text) <= (field.max_length or 10_000)), None)


def tables_with(*needles: str) -> list[str]:
    """Every table of the schema, by the text of its rows; bytes are shown in hexadecimal there."""
    patterns = [f"%{form}%" for needle in needles for form in (needle, needle.encode().hex())]
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        tables = [name for (name,) in cursor.fetchall()]
        found = []
        for table in tables:
            cursor.execute(f'SELECT count(*) FROM "{table}" AS row WHERE row::text ILIKE ANY(%s)', [patterns])
            if cursor.fetchone()[0]:
                found.append(table)
    return found


def values_in_redis() -> Iterator[bytes]:
    for number in (0, 1):
        store = redis.Redis.from_url(settings.REDIS_URL, db=number)
        for key in store.scan_iter():
            yield key + (store.dump(key) or b"")


def test_nothing_is_left_in_any_column_of_any_table(world: World) -> None:
    marked = mark_everything(world)
    case = ContentType.objects.get_for_model(Complaint)
    entry = {"content_type": case, "object_id": str(world.complaint.pk), "object_repr": ADDRESS, "action_flag": 2}
    LogEntry.objects.create(user=world.staff, **entry)
    assert {"affiliates_customer", "complaints_complaintevent", "surveys_answer", "insights_quote"} <= set(
        tables_with(NEEDLE)
    )
    assert {
        "surveys.ResponseRevision.answers",
        "complaints.AttachmentContent.data",
        "mailing.OutgoingMail.context",
    } <= (marked)

    erasure = erase(world)
    fold_changes(now=NOW)
    fold_changes(now=NEXT_MONTH)  # the words that an affiliate was shown go with the month
    work_erasures(now=NEXT_MONTH)

    erasure.refresh_from_db()
    assert erasure.is_done
    assert tables_with(NEEDLE, "Carla Ruiz") == []
    assert [value for value in values_in_redis() if NEEDLE.encode() in value] == []


def test_every_table_that_leads_to_a_customer_says_what_becomes_of_it() -> None:
    """By keys: whatever refers to a customer, or to what refers to one."""
    held = {each.model for each in HELD}
    # Rows of queues and of counts, which follow what they are about.
    queues = ("affiliates.PurchaseChange", "insights.CountedResponse", "insights.CountedCase")
    goes_along = {Quote, Erasure} | {apps.get_model(label) for label in (*queues, "insights.QuoteReport")}
    seen: set[Any] = {Customer}
    new: list[Any] = [Customer]
    while new:
        model = new.pop()
        if model in goes_along:
            continue
        for relation in model._meta.related_objects:
            other = relation.related_model
            if other not in seen and not other._meta.proxy:
                seen.add(other)
                new.append(other)

    assert {model.__name__ for model in seen - held - goes_along} == set()


def test_every_table_is_named_once_and_counted(world: World) -> None:
    assert len({each.model for each in HELD}) == len(HELD)

    erasure = erase(world)

    assert (erasure.counts["complaints.Remedy"], erasure.counts["complaints.WarrantyDecision"]) == (1, 1)


def test_a_worker_killed_in_every_step_leaves_it_to_the_next(world: World, monkeypatch: Any) -> None:
    mark_everything(world)
    Quote.objects.all().delete()
    erasure = request_erasure(world.purchase.customer, door=Erasure.Door.STAFF, by=None, now=NOW)

    for step in WORK:
        with monkeypatch.context() as patch:
            patch.setitem(WORK, step, dying_after(WORK[step]))
            with pytest.raises(KeyboardInterrupt):
                work_erasure(erasure, now=NOW)
        erasure.refresh_from_db()
        assert erasure.step == step  # what it had done is undone, what was done before stands

    assert work_erasures(now=NOW) == 1
    assert tables_with(NEEDLE) == []


def dying_after(work: Any) -> Any:
    def die(erasure: Erasure, now: datetime) -> None:
        work(erasure, now)
        raise KeyboardInterrupt

    return die


def test_one_that_fails_keeps_no_other_waiting(world: World) -> None:
    erase_of_two = [world.purchase.customer, factories.make_customer(factories.make_brand("zeta"))]
    first, second = (request_erasure(each, door="staff", by=world.staff, now=NOW) for each in erase_of_two)
    Brand.objects.filter(pk=world.brand.pk).update(timezone="Atlantis/Poseidonis")

    with pytest.raises(ExceptionGroup):
        work_erasures(now=NOW)

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.step, second.step) == ("answers", "done")


def test_an_objection_outlives_who_made_it(world: World) -> None:
    customer = world.purchase.customer
    address = customer.email or ""
    suppress(world.brand, address, scope="surveys", reason=Suppression.Reason.OPTED_OUT, now=NOW)

    erase(world)

    assert Suppression.objects.filter(brand=world.brand, address_hash=hash_address(address), scope="surveys").exists()


def test_cases_of_an_old_file_bring_nobody_back(world: World) -> None:
    """Known by the fingerprint of their address, also where nobody ever objected."""
    address = world.purchase.customer.email or ""
    erase(world)
    told = {"subject": "Llegó roto", "text": "Soy Carla", "email": address}
    before = HistoricComplaint(external_id="ra-1", opened_at=NOW - timedelta(days=9), **told)

    [imported] = import_complaints(world.brand, [before], now=NOW)

    assert imported.status == "duplicate"
    assert tables_with(address, "Soy Carla") == []


def test_sums_and_credit_stay_without_the_person(world: World) -> None:
    amount, number = world.purchase.amount, world.purchase.external_id

    erase(world)

    [purchase] = Purchase.objects.all()
    assert (purchase.amount, purchase.external_id, purchase.identity_hash) == (amount, number, None)
    [attribution] = Attribution.objects.all()
    assert (attribution.affiliate, attribution.touches, attribution.note) == (world.affiliate, [], "")
    assert purchase.customer.erased_at == NOW


def test_a_score_stays_with_its_affiliate_only_among_enough_others(world: World) -> None:
    fold_changes(now=NOW)
    erase(world)
    fold_changes(now=NOW)

    [response] = Response.objects.all()
    assert (response.kept_for, response.invitation.purchase) == (None, None)
    assert [answer.number for answer in Answer.objects.all()] == [1]
    assert sum(MonthlyAnswers.objects.values_list("count", flat=True)) == 0


def test_a_score_among_enough_others_stays_where_it_was(world: World) -> None:
    fold_changes(now=NOW)
    Brand.objects.update(k=3)
    add_answers(world, 3)
    fold_changes(now=NOW)
    before = list(MonthlyAnswers.objects.values_list("affiliate", "month", "count"))

    erase(world)
    fold_changes(now=NOW)

    kept = Response.objects.get(kept_for__isnull=False)
    assert kept.kept_for == world.affiliate
    assert kept.answered_at.astimezone(ZoneInfo("Europe/Madrid")) == datetime(
        2026, 3, 1, tzinfo=ZoneInfo("Europe/Madrid")
    )
    assert list(MonthlyAnswers.objects.values_list("affiliate", "month", "count")) == before


def add_answers(world: World, number: int) -> None:
    first = Response.objects.select_related("invitation__survey").get()
    for _i in range(number):
        purchase = factories.make_purchase(factories.make_customer(world.brand, "Otra"), affiliate=world.affiliate)
        invitation = Invitation.objects.create(
            brand=world.brand,
            survey=first.invitation.survey,
            occasion=f"purchase:{purchase.pk}",
            purchase=purchase,
            state=Invitation.State.QUEUED,
        )
        response = Response.objects.create(brand=world.brand, invitation=invitation, answered_at=NOW, updated_at=NOW)
        ResponseChange.objects.create(response=response)


def test_the_shop_telling_it_again_brings_nobody_back(world: World) -> None:
    purchase = world.purchase
    email = purchase.customer.email
    erase(world)
    told = PurchaseInput(
        purchase.external_id,
        purchased_at=purchase.purchased_at,
        amount=purchase.amount,
        currency=purchase.currency,
        customer=CustomerInput(email=email, name="Carla Ruiz"),
    )

    [recorded] = record_purchases(world.brand, [told], now=NOW, source="api")

    assert recorded.status == "duplicate"
    assert tables_with("Carla", email or "") == []


def test_a_mail_being_handed_over_is_waited_for(world: World) -> None:
    held = {"lease_owner": "8a6e0804-2bd0-4672-b79d-d97027f9071a", "lease_until": NOW, "sent_at": None}
    OutgoingMail.objects.filter(pk=world.mail.pk).update(state="handing_over", **held)
    erasure = erase(world)
    assert erasure.step == Erasure.Step.MAILS
    # Should the server put it off, it is not tried again.
    assert OutgoingMail.objects.get(pk=world.mail.pk).cancel_wanted == OutgoingMail.Reason.TAKEN_BACK

    OutgoingMail.objects.filter(pk=world.mail.pk).update(state="sent", sent_at=NOW, lease_owner=None, lease_until=None)
    Quote.objects.all().delete()
    assert work_erasure(erasure, now=NOW)


def test_what_another_system_sends_again_is_not_taken_in_twice(world: World) -> None:
    body = json.dumps({"customer": {"email": (world.purchase.customer.email or "").upper()}}).encode()
    InboundEvent.objects.update(body=body)

    erase(world)

    assert [(bytes(each.body), each.event_id, each.state) for each in InboundEvent.objects.all()] == [
        (b"", "1", InboundEvent.State.IGNORED)
    ]


def test_an_order_called_like_a_number_takes_nothing_of_others_along(world: World) -> None:
    Purchase.objects.update(external_id="10")
    others = WebhookEvent.objects.create(brand=world.brand, kind="feedback.received", data={"nps": 10})
    own = WebhookEvent.objects.create(brand=world.brand, kind="purchase.recorded", data={"purchase": "10"})
    answer = {"api_key": world.api_key, "request_hash": b"", "status": 201}
    kept = IdempotencyKey.objects.create(brand=world.brand, key="a", body={"n": 10}, **answer)
    gone = IdempotencyKey.objects.create(brand=world.brand, key="b", body={"external_id": "10"}, **answer)

    erase(world)

    assert [each.pk for each in WebhookEvent.objects.filter(pk__in=[others.pk, own.pk])] == [others.pk]
    assert [each.pk for each in IdempotencyKey.objects.filter(pk__in=[kept.pk, gone.pk])] == [kept.pk]


def test_reports_of_several_recipients_are_read_before_they_are_emptied(world: World) -> None:
    body = json.dumps([{"email": world.purchase.customer.email}, {"email": "otra@correo.example"}]).encode()
    report = InboundEvent.objects.create(source="mail", event_id="esp:1", kind="sendgrid", body=body)

    erasure = erase(world)

    report.refresh_from_db()
    assert (erasure.step, report.state, bytes(report.body)) == (Erasure.Step.MESSAGES, "received", body)
    InboundEvent.objects.filter(pk=report.pk).update(state="done", processed_at=NOW)
    Quote.objects.all().delete()
    assert work_erasure(erasure, now=NOW)
    report.refresh_from_db()
    assert bytes(report.body) == b""


def test_a_mail_about_a_case_written_between_the_steps_goes_too(world: World, monkeypatch: Any) -> None:
    address = "carla.antes@correo.example"  # another one than they have now

    def answering_after(work: Any) -> Any:
        def do(erasure: Erasure, now: datetime) -> Any:
            counts = work(erasure, now)
            event = ComplaintEvent.objects.create(complaint=world.complaint, kind="reply", text="Hola", at=NOW)
            key = {"dedupe_key": f"complaint:event:{event.pk}", "to_address": address}
            OutgoingMail.objects.create(
                brand=world.brand, template="complaints/reply", guarantee="at_least_once", not_before=NOW, **key
            )
            return counts

        return do

    monkeypatch.setitem(WORK, Erasure.Step.MAILS, answering_after(WORK[Erasure.Step.MAILS]))

    erase(world)

    assert not OutgoingMail.objects.filter(to_address=address).exists()


def test_asking_twice_is_one_erasure(world: World) -> None:
    first = request_erasure(world.purchase.customer, door=Erasure.Door.API, by=None, now=NOW)
    again = request_erasure(world.purchase.customer, door=Erasure.Door.STAFF, by=None, now=NOW)

    assert first == again


def test_another_brands_customer_of_the_same_address_stays(world: World) -> None:
    address = world.purchase.customer.email or ""
    other = factories.make_customer(Brand.objects.get(slug="otra"), "Carla Ruiz", address)
    Quote.objects.all().delete()
    out = StringIO()

    call_command("erase_customer", address.upper(), "--brand", world.brand.slug, stdout=out)

    other.refresh_from_db()
    assert (other.email, other.erased_at) == (address, None)
    assert out.getvalue().startswith(f"{world.brand.slug}: {Erasure.objects.get(door='command').uuid}")
    assert Erasure.objects.get(door="command").is_done
    assert erasing.customers_called(address) == [other]


def test_the_command_says_so_where_there_is_nobody(db: None) -> None:
    with pytest.raises(CommandError, match="no customer"):
        call_command("erase_customer", "nadie@correo.example")


def test_whoever_only_wrote_to_a_brand_is_erased_by_their_address(world: World) -> None:
    came: dict[str, Any] = {"state": "quarantined", "reason": "unknown_sender", "received_at": NOW, "try_at": NOW}
    for number, brand in enumerate((world.brand, None)):
        IncomingMail.objects.create(message_id=f"<{number}@x>", brand=brand, sender=f"{NEEDLE}@correo.example", **came)
    other = IncomingMail.objects.create(message_id="<other@x>", brand=world.brand, sender="otra@correo.example", **came)
    out = StringIO()

    call_command("erase_customer", f"{NEEDLE.upper()}@Correo.example", stdout=out)

    assert "complaints.IncomingMail: 2" in out.getvalue()
    assert tables_with(NEEDLE) == []
    assert IncomingMail.objects.filter(pk=other.pk).exists()
