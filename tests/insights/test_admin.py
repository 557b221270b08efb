"""Staff say what has become of a finding; what was published nobody changes."""

import re

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import Membership
from insights.models import Action, Alert, Block, Finding, HeardFeedback, Target
from insights.services import fold_changes
from insights.wording import figure_names
from surveys.models import Aspect, Fact
from tests.factories import NOW, make_affiliate, make_brand, make_staff
from tests.insights.conftest import Shop
from tests.insights.test_privacy import look, respond_many


@pytest.fixture
def finding(shop: Shop, ana) -> Finding:
    respond_many(shop, ana, 4, csat=5)
    shop.respond(ana, csat=1, expectation="Creía que el envío era gratis")
    fold_changes(now=NOW)
    return Finding.objects.get()


def sign_in(client: Client, shop: Shop, role: str = Membership.Role.AGENT) -> Client:
    client.force_login(make_staff(shop.brand, role=role))
    return client


def test_staff_say_what_has_become_of_an_expectation(client, shop, ana, finding):
    sign_in(client, shop)

    page = client.get(reverse("admin:insights_finding_changelist"))
    no_messages = {"messages-TOTAL_FORMS": "0", "messages-INITIAL_FORMS": "0"}
    said = {"status": "met", "owner": "affiliate", **no_messages}
    url = reverse("admin:insights_finding_change", args=[finding.pk])
    without_a_word = client.post(url, said)
    changed = client.post(url, {**said, "answer": "El precio lleva ahora el envío."})

    assert without_a_word.context["adminform"].errors["answer"]
    assert "Creía que el envío era gratis" in page.content.decode()
    assert changed.status_code == 302
    finding.refresh_from_db()
    assert (finding.status, finding.owner) == ("met", "affiliate")
    assert look(ana).expectations[0].status == "met"
    assert [message.text for message in finding.messages.all()] == ["El precio lleva ahora el envío."]


def test_readers_change_nothing(client, shop, finding):
    sign_in(client, shop, Membership.Role.READ_ONLY)

    response = client.post(reverse("admin:insights_finding_change", args=[finding.pk]), {"status": "met"})

    assert response.status_code == 403
    finding.refresh_from_db()
    assert finding.status == "open"


def test_another_brands_findings_are_not_there(client, shop, finding):
    other = Shop(make_brand("vela"))
    respond_many(other, make_affiliate(other.brand, "Eva"), 5, csat=1, expectation="Secreto")
    fold_changes(now=NOW)
    theirs = Finding.objects.filter(brand=other.brand).first()
    sign_in(client, shop)

    page = client.get(reverse("admin:insights_finding_changelist"))

    assert "Secreto" not in page.content.decode()
    assert client.get(reverse("admin:insights_finding_change", args=[theirs.pk])).status_code == 302


def test_blocks_can_be_read_and_not_changed(client, shop, finding):
    block = Block.objects.get()
    sign_in(client, shop, Membership.Role.ADMIN)
    url = reverse("admin:insights_block_change", args=[block.pk])

    assert client.get(reverse("admin:insights_block_changelist")).status_code == 200
    assert client.get(url).status_code == 200
    assert client.post(url, {"n": "99"}).status_code == 403
    block.refresh_from_db()
    assert block.n == 5


@pytest.mark.parametrize("expectations", [1, 3])
def test_the_list_asks_the_database_as_often_for_many(client, shop, ana, django_assert_max_num_queries, expectations):
    for number in range(expectations):
        shop.respond(ana, csat=1, expectation=f"Más {number}")
    respond_many(shop, ana, 5, csat=1)
    fold_changes(now=NOW)
    sign_in(client, shop)

    with django_assert_max_num_queries(12):
        client.get(reverse("admin:insights_finding_changelist"))


def test_lists_call_aspects_and_facts_as_the_brand_does(client, shop, ana):
    Aspect.objects.create(brand=shop.brand, code="plazo", labels={"es": "Llegar a tiempo"}, position=1)
    Fact.objects.create(brand=shop.brand, code="plazo", labels={"es": "Cuándo llega"}, position=1)
    about = {"brand": shop.brand, "affiliate": ana, "key": "plazo"}
    for kind in ("missing", "improve"):
        Finding.objects.create(**about, kind=kind)
    for subject in ("aspect", "fact"):
        Action.objects.create(**about, subject=subject, text=subject, changed_on="2026-03-01")
    Action.objects.create(**{**about, "key": "nps"}, subject="figure", text="figure", changed_on="2026-03-01")
    given = {"heard_on": "2026-03-01", "kind": "praise", "theme": "plazo", "text": "Bien", "created_at": NOW}
    HeardFeedback.objects.create(brand=shop.brand, affiliate=ana, **given)
    sign_in(client, shop)

    def named(model):
        page = client.get(reverse(f"admin:insights_{model}_changelist"))
        return sorted(re.findall(r'class="field-about">(?:<a [^>]*>)?([^<]*)', page.text))

    assert named("finding") == ["Cuándo llega", "Llegar a tiempo"]
    assert named("action") == sorted(["Cuándo llega", "Llegar a tiempo", figure_names()["nps"]])
    assert named("heardfeedback") == ["Llegar a tiempo"]


# --- Targets and alerts ----------------------------------------------------------------------------------------------
def set_target(client: Client, shop: Shop, figure: str, aim: str):
    url = reverse("admin:insights_target_add")
    return client.post(url, {"brand": shop.brand.pk, "figure": figure, "aim": aim}, headers={"accept-language": "en"})


def test_a_brand_sets_changes_and_drops_a_target(client, shop):
    sign_in(client, shop)

    assert set_target(client, shop, "csat", "85").status_code == 302
    assert "Target with this Brand and Figure already exists" in set_target(client, shop, "csat", "90").text
    target = Target.objects.get()
    client.post(reverse("admin:insights_target_change", args=[target.pk]), {"aim": "82.5"})
    target.refresh_from_db()
    assert (target.brand, target.figure, float(target.aim), target.in_unit) == (shop.brand, "csat", 82.5, 0.825)

    client.post(reverse("admin:insights_target_delete", args=[target.pk]), {"post": "yes"})
    assert not Target.objects.exists()


@pytest.mark.parametrize(
    ("figure", "aim", "is_taken"),
    [
        ("csat", "100", True),
        ("csat", "101", False),
        ("missing", "-1", False),
        ("nps", "-100", True),
        ("nps", "100.1", False),
        ("first_answer", "0", False),
        ("first_answer", "200", True),
    ],
)
def test_what_no_figure_can_reach_is_refused_by_the_database_too(client, shop, figure, aim, is_taken):
    sign_in(client, shop)

    response = set_target(client, shop, figure, aim)

    assert (response.status_code == 302) == is_taken
    assert is_taken or "hours are more than 0" in response.text
    if not is_taken:
        with pytest.raises(IntegrityError), transaction.atomic():
            Target.objects.create(brand=shop.brand, figure=figure, aim=aim)


def test_readers_set_no_target_and_nobody_one_for_another_brand(client, shop):
    other = make_brand("vela")
    client.force_login(make_staff(shop.brand, role=Membership.Role.READ_ONLY))
    assert set_target(client, shop, "csat", "85").status_code == 403

    client.force_login(make_staff(shop.brand, "Sonia"))
    url = reverse("admin:insights_target_add")
    assert client.post(url, {"brand": other.pk, "figure": "csat", "aim": "85"}).status_code == 200
    assert not Target.objects.exists()


def test_alerts_stand_in_the_admin_with_their_figures(client, shop, ana):
    figures = {"since": "2026-01-01", "good_before": 28, "n_before": 30, "good_now": 8, "n_now": 30, "opened_at": NOW}
    Alert.objects.create(brand=shop.brand, affiliate=ana, key="entrega", has_to_improve=True, **figures)
    Alert.objects.create(brand=shop.brand, key="csat", has_to_improve=False, ended_at=NOW, **figures)
    sign_in(client, shop)

    page = client.get(reverse("admin:insights_alert_changelist"), headers={"accept-language": "en"}).text
    standing = client.get(reverse("admin:insights_alert_changelist"), {"ended_at__isempty": "1"}).text
    one = client.get(
        reverse("admin:insights_alert_change", args=[Alert.objects.get(key="entrega").pk]),
        headers={"accept-language": "en"},
    ).text

    assert "93% of 30 to 27% of 30" in page
    assert "Satisfied customers" in page
    assert "Ana" in standing
    assert "csat" not in standing.partition("<tbody>")[2]
    assert "44–80%" in one
