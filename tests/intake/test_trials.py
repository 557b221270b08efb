"""«Send a test purchase»: the whole way, in no figure, and as if it had never been once undone."""

import io
from datetime import timedelta

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from accounts.models import Brand, Membership
from affiliates.models import Attribution, Click, Customer, Purchase
from affiliates.services import CustomerInput, PurchaseInput, flag_suspicions
from complaints.models import Complaint
from complaints.services import Problem, open_cases_for_bad_answers, open_complaint
from insights.models import CountedResponse
from insights.sales import credited_sales, link_traffic, new_and_returning
from insights.services import fold_changes
from intake.exports import write_affiliates
from intake.services import Trial, create_brand, take_purchases, take_test_purchase, undo_test_purchase
from mailing.models import OutgoingMail, Suppression
from mailing.services import suppress
from surveys.models import Invitation, Response
from surveys.services import send_due_invitations
from surveys.services.answering import AnswerData, Given, submit_response
from tests.factories import NOW, make_affiliate, make_brand, make_link, make_product, make_staff

pytestmark = pytest.mark.django_db

SOFIA = "sofia@lumbre.example"


@pytest.fixture
def brand() -> Brand:
    """One that would not ask now: days later, by day, every second purchase, and only who was told."""
    return create_brand(
        "lumbre",
        name="Lumbre",
        allowed_hosts=["lumbre.example"],
        delay_goods=timedelta(days=3),
        sampling_percent=0,
        requires_second_factor=False,
    )


@pytest.fixture
def sofia(brand):
    return make_staff(brand)


@pytest.fixture
def link(brand):
    return make_link(make_affiliate(brand), "resena")


@pytest.fixture
def trial(brand, sofia, link) -> Purchase:
    taken = take_test_purchase(brand, Trial(SOFIA, link=link), by=sofia, now=NOW)
    assert taken.recorded.purchase
    return taken.recorded.purchase


def answer_badly(purchase: Purchase) -> Response:
    invitation = Invitation.objects.get(purchase=purchase)
    data = AnswerData({"csat": Given(number=1), "nps": Given(number=0)})
    return submit_response(invitation, data, language="es", suspicions=[], now=NOW)


def rows_everywhere() -> dict[str, int]:
    """How many rows every table has; the ledger keeps what was written to somebody."""
    kept = {OutgoingMail, apps.get_model("accounts", "AccessLog")}
    ours = [m for m in apps.get_models() if m.__module__.split(".")[0] in OUR_APPS and m not in kept]
    return {model._meta.label: model.objects.count() for model in ours}


OUR_APPS = {"accounts", "mailing", "affiliates", "surveys", "complaints", "insights", "intake"}


def test_it_is_attributed_by_its_evidence_and_asked_about_at_once(brand, link, trial):
    attribution = Attribution.objects.current().get(purchase=trial)
    assert (attribution.affiliate, attribution.method) == (link.affiliate, "click")

    assert send_due_invitations(now=NOW) == 1

    assert OutgoingMail.objects.get().to_address == SOFIA


def test_a_bad_answer_to_it_opens_a_case(trial):
    send_due_invitations(now=NOW)
    answer_badly(trial)

    open_cases_for_bad_answers(now=NOW)

    assert Complaint.objects.get().purchase == trial


def test_it_counts_in_no_figure(brand, link, trial):
    send_due_invitations(now=NOW)
    answer_badly(trial)
    flag_suspicions(now=NOW)

    fold_changes(now=NOW)

    assert not CountedResponse.objects.exists()
    assert credited_sales(link.affiliate) == new_and_returning(link.affiliate) == ()
    traffic = link_traffic(link.affiliate)
    assert (dict(traffic.visits), dict(traffic.purchases)) == ({}, {})
    assert not link.affiliate.suspicions.exists()
    write_affiliates(brand, table := io.StringIO())
    assert table.getvalue().splitlines()[1].startswith('"ana","0","0","0.00"')


def test_undone_it_is_as_if_it_had_never_been(brand, sofia, link):
    before = rows_everywhere()
    taken = take_test_purchase(brand, Trial(SOFIA, link=link), by=sofia, now=NOW)
    purchase = taken.recorded.purchase
    assert purchase
    send_due_invitations(now=NOW)
    answer_badly(purchase)
    open_cases_for_bad_answers(now=NOW)
    fold_changes(now=NOW)
    assert rows_everywhere() != before

    undo_test_purchase(purchase)
    fold_changes(now=NOW)

    assert rows_everywhere() == before


def test_undone_before_its_mail_went_out_nothing_goes_out(trial):
    send_due_invitations(now=NOW)

    undo_test_purchase(trial)

    mail = OutgoingMail.objects.get()
    assert (mail.state, mail.reason) == ("cancelled", "taken_back")


@pytest.mark.parametrize("wanted_none_before", [True, False])
def test_who_tried_the_way_out_is_asked_again_about_what_they_buy(
    brand: Brand, trial: Purchase, client: Client, wanted_none_before: bool
) -> None:
    send_due_invitations(now=NOW)
    if wanted_none_before:
        suppress(brand, SOFIA, scope="surveys", reason=Suppression.Reason.OPTED_OUT, now=NOW)
    client.post(reverse("mailing:unsubscribe", args=[OutgoingMail.objects.get().token]))
    assert Suppression.objects.count() == 1  # the way out works for as long as the test stands

    undo_test_purchase(trial)

    assert Suppression.objects.exists() == wanted_none_before


def test_a_customer_known_before_stays_and_was_brought_by_nobody(brand, sofia, link):
    sofias = Customer.objects.create(brand=brand, name="Sofía")
    given = PurchaseInput("P1", purchased_at=NOW - timedelta(days=9), customer=CustomerInput(email=SOFIA))
    take_purchases(brand, [given], now=NOW, source="api")
    taken = take_test_purchase(brand, Trial(SOFIA, link=link), by=sofia, now=NOW)
    assert taken.recorded.purchase
    assert Customer.objects.get(email=SOFIA).acquiring_affiliate == link.affiliate

    undo_test_purchase(taken.recorded.purchase)

    assert Customer.objects.exclude(pk=sofias.pk).get().acquiring_affiliate is None
    assert Purchase.objects.get().external_id == "P1"


def test_a_real_purchase_is_never_undone(brand):
    given = PurchaseInput("P1", purchased_at=NOW, customer=CustomerInput(email="carla@correo.example"))
    [taken] = take_purchases(brand, [given], now=NOW, source="api")
    assert taken.recorded.purchase
    open_complaint(brand, Problem("claim", "No llegó"), purchase=taken.recorded.purchase, now=NOW)

    with pytest.raises(ValidationError):
        undo_test_purchase(taken.recorded.purchase)

    assert Purchase.objects.exists()
    assert Complaint.objects.exists()
    assert Invitation.objects.exists()


# --- In the admin ----------------------------------------------------------------------------------------------------
URL = "/admin/affiliates/purchase/test/"


def signed_in(user) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(user)
    return client


def test_staff_send_one_and_undo_it(brand, sofia, link):
    make_product(brand, "CAF-1")
    client = signed_in(sofia)
    changelist = reverse("admin:affiliates_purchase_changelist")
    assert URL in client.get(changelist).text

    sent = client.post(URL, {"brand": brand.pk, "email": SOFIA, "sku": "CAF-1", "link": "resena"}, follow=True)

    purchase = Purchase.objects.get()
    assert purchase.product
    assert purchase.product.sku == "CAF-1"
    undo = f"/admin/affiliates/purchase/{purchase.pk}/undo/"
    assert undo in sent.text
    assert "correct/" not in sent.text
    assert f"{purchase.external_id} · test" in client.get(changelist).text

    undone = client.post(undo, follow=True)

    assert undone.redirect_chain == [(changelist, 302)]
    assert not Purchase.objects.exists()
    assert not Click.objects.exists()


def test_an_unknown_link_is_said_and_nothing_is_lost(brand, sofia):
    page = signed_in(sofia).post(URL, {"brand": brand.pk, "email": SOFIA, "link": "nada", "coupon": "VERANO"})

    assert "The brand has none of this code." in page.text
    assert "VERANO" in page.text
    assert not Purchase.objects.exists()


def test_who_only_reads_sends_none_and_nobody_one_for_another_brand(brand, sofia):
    reader = make_staff(brand, "Rita", role=Membership.Role.READ_ONLY)
    assert signed_in(reader).get(URL).status_code == 403
    assert URL not in signed_in(reader).get(reverse("admin:affiliates_purchase_changelist")).text

    faro = make_brand("faro")
    page = signed_in(sofia).post(URL, {"brand": faro.pk, "email": SOFIA})

    assert page.status_code == 200
    assert not Purchase.objects.exists()


def test_a_real_purchase_offers_no_undo(brand, sofia):
    given = PurchaseInput("P1", purchased_at=NOW, customer=CustomerInput(email="carla@correo.example"))
    [taken] = take_purchases(brand, [given], now=NOW, source="api")
    assert taken.recorded.purchase

    signed_in(sofia).post(f"/admin/affiliates/purchase/{taken.recorded.purchase.pk}/undo/")

    assert Purchase.objects.exists()
