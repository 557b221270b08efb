"""An affiliate's own links in the portal: made, paused, and what is promised there."""

import re
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
import segno
from django.test import Client

from affiliates.models import Affiliate, CataloguePromise, Click, LinkPromise, TrackingLink
from tests.factories import NOW, make_affiliate, make_brand, make_link, make_member, make_staff
from tests.insights.conftest import Shop

LINKS, NEW = "/portal/links/", "/portal/links/new/"
GIVEN = {"destination": "https://lumbre.example/botas?talla=42#fotos", "campaign": "Guía", "promises": ""}


def page_of(link: TrackingLink, page: str = "edit/", own: str = "/portal/") -> str:
    return f"{own}links/{link.code}/{page}"


def standing(link: TrackingLink) -> list[str]:
    return list(link.promises.standing().order_by("pk").values_list("text", flat=True))


# --- Make ------------------------------------------------------------------------------------------------------------
def test_a_link_is_made_with_its_promises(as_ana: Client, ana: Affiliate) -> None:
    response = as_ana.post(NEW, {**GIVEN, "promises": "Envío en 24 h\r\n\r\n Sin permanencia \r\nEnvío en 24 h"})

    made = TrackingLink.objects.get()
    assert response.headers["Location"] == page_of(made)
    assert (made.affiliate, made.destination, made.campaign) == (ana, GIVEN["destination"], "Guía")
    assert standing(made) == ["Envío en 24 h", "Sin permanencia"]
    assert as_ana.get(f"/r/{made.code}").headers["Location"].startswith("https://lumbre.example/botas?talla=42&pv_cl")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("destination", ""),
        ("destination", "https://otra.example/botas"),
        ("destination", "https://lumbre.example@otra.example/"),
        ("destination", "javascript:alert(1)"),
        ("destination", "https://lumbre.example\\@otra.example/"),
        ("campaign", "x" * 101),
        ("promises", "\n".join(f"Promesa {n}" for n in range(21))),
        ("promises", "x" * 201),
        ("promises", "Gratis\x00"),
    ],
)
def test_what_does_not_hold_is_said_and_nothing_is_lost(as_ana: Client, field: str, value: str) -> None:
    response = as_ana.post(NEW, {**GIVEN, field: value})

    form = response.context["form"]
    assert response.status_code == 200
    assert list(form.errors) == [field]
    assert {name: form[name].value() for name in GIVEN} == {**GIVEN, field: value}
    assert not TrackingLink.objects.exists()


# --- Promises --------------------------------------------------------------------------------------------------------
def test_promises_are_withdrawn_and_added_and_stay_on_record(as_ana: Client, ana: Affiliate) -> None:
    link = make_link(ana)
    kept = LinkPromise.objects.create(link=link, text="Envío en 24 h")
    gone = LinkPromise.objects.create(link=link, text="Gratis")

    response = as_ana.post(page_of(link), {"promises": "Envío en 24 h\nSin permanencia"})

    gone.refresh_from_db()
    assert response.headers["Location"] == page_of(link)
    assert standing(link) == ["Envío en 24 h", "Sin permanencia"]
    assert link.promises.standing().filter(pk=kept.pk).exists()
    assert gone.withdrawn_at is not None
    assert "Gratis" in as_ana.get(page_of(link)).content.decode()


def test_a_withdrawn_promise_may_be_made_again(as_ana: Client, ana: Affiliate) -> None:
    link = make_link(ana)
    LinkPromise.objects.create(link=link, text="Gratis", withdrawn_at=NOW)

    as_ana.post(page_of(link), {"promises": "Gratis"})

    assert standing(link) == ["Gratis"]
    assert link.promises.count() == 2
    assert link.promises.filter(withdrawn_at=NOW).exists()


def test_a_refused_promise_withdraws_nothing(as_ana: Client, ana: Affiliate) -> None:
    link = make_link(ana)
    LinkPromise.objects.create(link=link, text="Envío en 24 h")

    response = as_ana.post(page_of(link), {"promises": "x" * 201})

    assert list(response.context["form"].errors) == ["promises"]
    assert response.context["form"]["promises"].value() == "x" * 201
    assert standing(link) == ["Envío en 24 h"]


@pytest.fixture
def free(shop: Shop) -> CataloguePromise:
    labels = {"es": "Envío gratis", "en": "Free delivery"}
    return CataloguePromise.objects.create(brand=shop.brand, code="free", labels=labels)


def test_promises_of_the_catalogue_are_ticked_beside_own_ones(
    as_ana: Client, ana: Affiliate, free: CataloguePromise
) -> None:
    offered = as_ana.get(NEW).context["form"]
    as_ana.post(NEW, {**GIVEN, "offered": ["free"], "promises": "Sin permanencia\nEnvío gratis"})

    link = TrackingLink.objects.get()
    page = as_ana.get(page_of(link)).context["form"]
    assert offered.fields["offered"].choices == [("free", "Envío gratis")]
    assert standing(link) == ["Envío gratis", "Sin permanencia"]
    assert (page.initial["offered"], page.initial["promises"]) == (["free"], "Sin permanencia")

    as_ana.post(page_of(link), {"promises": "Sin permanencia"})

    assert standing(link) == ["Sin permanencia"]


def test_what_was_ticked_stays_in_its_words(as_ana: Client, ana: Affiliate, free: CataloguePromise) -> None:
    link = make_link(ana)
    LinkPromise.objects.create(link=link, text="Free delivery")

    as_ana.post(page_of(link), {"offered": ["free"], "promises": ""})
    free.labels = {"es": "Portes pagados"}
    free.save()

    form = as_ana.get(page_of(link)).context["form"]
    assert standing(link) == ["Free delivery"]
    assert link.promises.count() == 1
    assert (form.initial["offered"], form.initial["promises"]) == ([], "Free delivery")


def test_what_is_not_offered_cannot_be_ticked(as_ana: Client, shop: Shop, free: CataloguePromise) -> None:
    CataloguePromise.objects.create(brand=make_brand("faro"), code="theirs", labels={"es": "Suya"})
    CataloguePromise.objects.filter(pk=free.pk).update(is_active=False)
    CataloguePromise.objects.create(brand=shop.brand, code="soon", labels={"es": "Pronto"})

    for code in ("free", "theirs"):
        response = as_ana.post(NEW, {**GIVEN, "offered": [code]})
        assert list(response.context["form"].errors) == ["offered"]
    assert not TrackingLink.objects.exists()


# --- Sub-ids ---------------------------------------------------------------------------------------------------------
def test_a_link_keeps_its_own_sub_ids(as_ana: Client, ana: Affiliate) -> None:
    link = make_link(ana)

    response = as_ana.post(page_of(link, "sub-ids/"), {"sub_ids_sub1": " boletín ", "sub_ids_sub3": ""})

    link.refresh_from_db()
    assert response.headers["Location"] == page_of(link)
    assert link.sub_ids == {"sub1": "boletín"}
    assert 'value="boletín"' in as_ana.get(page_of(link)).text


def test_visits_and_purchases_are_told_by_sub_id(as_ana: Client, ana: Affiliate, shop: Shop) -> None:
    link, other = make_link(ana), make_link(ana)
    for place, visits, purchases in (("blog", 9, 7), ("vídeo", 6, 4), ("pie", 2, 0)):
        clicks = [
            Click.objects.create(link=link, occurred_at=NOW - timedelta(days=5), sub_ids={"sub1": place})
            for _number in range(visits)
        ]
        for click in clicks[:purchases]:
            buy(shop, ana, click)
    Click.objects.create(link=link, occurred_at=NOW, kind="bot", sub_ids={"sub1": "pie"})
    Click.objects.create(link=link, occurred_at=NOW)
    Click.objects.create(link=other, occurred_at=NOW, sub_ids={"sub1": "otro"})

    page = as_ana.get(page_of(link))

    rows = [(row.key, row.value, row.visits, row.purchases) for row in page.context["places"]]
    # Purchases in whole fives: 7 are told as 5 or more, 4 as fewer than 5.
    assert rows == [("sub1", "blog", 9, 5), ("sub1", "vídeo", 6, 0), ("sub1", "pie", 2, 0)]


def buy(shop: Shop, affiliate: Affiliate, click: Click) -> None:
    purchase = shop.purchase(affiliate, link=click.link)
    at = click.occurred_at.isoformat()
    touch = {"method": "click", "source": click.public_id, "affiliate": affiliate.code, "at": at, "won": True}
    purchase.attributions.update(method="click", touches=[touch])


def test_a_link_without_sub_ids_has_no_table_of_places(as_ana: Client, ana: Affiliate) -> None:
    link = make_link(ana)
    Click.objects.create(link=link, occurred_at=NOW)

    assert as_ana.get(page_of(link)).context["places"] == []


# --- Pause -----------------------------------------------------------------------------------------------------------
def test_a_link_is_paused_and_runs_again(as_ana: Client, ana: Affiliate) -> None:
    link = make_link(ana)

    as_ana.post(page_of(link, "running/"), {"run": "no"})
    link.refresh_from_db()
    first = link.paused_at
    as_ana.post(page_of(link, "running/"), {"run": "no"})
    link.refresh_from_db()

    assert first is not None
    assert link.paused_at == first
    assert as_ana.get(f"/r/{link.code}").status_code == 410

    as_ana.post(page_of(link, "running/"), {"run": "yes"})
    link.refresh_from_db()

    assert link.paused_at is None


# --- QR code ---------------------------------------------------------------------------------------------------------
def test_the_qr_code_leads_to_the_link(as_ana: Client, ana: Affiliate, settings: Any) -> None:
    settings.BASE_URL = "https://postventa.example"
    link = make_link(ana)

    response = as_ana.get(page_of(link, "qr.svg"), HTTP_HOST="localhost")

    drawing = response.content.decode()
    code = segno.make_qr(f"https://postventa.example/r/{link.code}", error="m")
    assert response.headers["Content-Type"] == "image/svg+xml"
    assert "style" not in drawing
    assert ElementTree.fromstring(drawing).attrib["width"] == str(code.symbol_size(scale=8)[0])
    assert dark_squares(drawing) == sum(sum(row) for row in code.matrix)


def dark_squares(drawing: str) -> int:
    """The lengths of all strokes of the dark path."""
    [path] = re.findall(r'stroke="#000"[^>]* d="([^"]+)"|d="([^"]+)"[^>]*stroke="#000"', drawing)
    return sum(int(length) for length in re.findall(r"h(\d+)", "".join(path)))


# --- Who may ---------------------------------------------------------------------------------------------------------
def test_a_rivals_link_is_not_there(as_ana: Client, shop: Shop) -> None:
    theirs = make_link(make_affiliate(shop.brand, "Bruno"))

    for own in ("/portal/", "/portal/affiliates/lumbre/ana/", "/portal/affiliates/lumbre/bruno/"):
        assert as_ana.get(page_of(theirs, own=own)).status_code == 404
        assert as_ana.get(page_of(theirs, "qr.svg", own=own)).status_code == 404
        assert as_ana.post(page_of(theirs, own=own), {"promises": "Gratis"}).status_code == 404
        assert as_ana.post(page_of(theirs, "running/", own=own), {"run": "no"}).status_code == 404
        assert as_ana.post(page_of(theirs, "sub-ids/", own=own), {"sub_ids_sub1": "x"}).status_code == 404
    assert as_ana.post("/portal/affiliates/lumbre/bruno/links/new/", GIVEN).status_code == 404
    theirs.refresh_from_db()
    assert (standing(theirs), theirs.paused_at, TrackingLink.objects.count()) == ([], None, 1)


def test_staff_look_but_change_nothing(client: Client, shop: Shop, ana: Affiliate) -> None:
    link, own = make_link(ana), "/portal/affiliates/lumbre/ana/"
    LinkPromise.objects.create(link=link, text="Envío en 24 h")
    client.force_login(make_staff(shop.brand))

    seen = client.get(page_of(link, own=own))

    assert seen.status_code == 200
    assert "Envío en 24 h" in seen.content.decode()
    assert client.get(page_of(link, "qr.svg", own=own)).status_code == 200
    assert "<textarea" not in seen.content.decode()
    assert f'href="{own}links/new/"' not in client.get(f"{own}links/").content.decode()
    assert client.get(f"{own}links/new/").status_code == 403
    assert client.post(f"{own}links/new/", GIVEN).status_code == 403
    assert client.post(page_of(link, own=own), {"promises": ""}).status_code == 403
    assert client.post(page_of(link, "running/", own=own), {"run": "no"}).status_code == 403
    assert client.post(page_of(link, "sub-ids/", own=own), {"sub_ids_sub1": "x"}).status_code == 403
    link.refresh_from_db()
    assert (standing(link), link.paused_at, TrackingLink.objects.count()) == (["Envío en 24 h"], None, 1)


def test_a_suspended_affiliate_changes_nothing(as_ana: Client, ana: Affiliate) -> None:
    link = make_link(ana)
    Affiliate.objects.update(status=Affiliate.Status.SUSPENDED)

    as_ana.post(NEW, GIVEN)
    as_ana.post(page_of(link), {"promises": "Gratis"})

    assert standing(link) == []
    assert TrackingLink.objects.count() == 1


def test_a_form_from_elsewhere_is_refused(ana: Affiliate) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_member(ana))

    assert client.post(NEW, GIVEN).status_code == 403
    assert not TrackingLink.objects.exists()


def test_the_way_from_the_list_to_a_link(as_ana: Client, ana: Affiliate) -> None:
    link = make_link(ana)

    listed = as_ana.get("/portal/affiliates/lumbre/ana/links/").content.decode()

    assert 'href="/portal/affiliates/lumbre/ana/links/new/"' in listed
    assert f'href="{page_of(link, own="/portal/affiliates/lumbre/ana/")}"' in listed


def test_a_link_asks_as_much_with_three_promises_as_with_one(
    as_ana: Client, ana: Affiliate, django_assert_num_queries: Any
) -> None:
    link = make_link(ana)
    LinkPromise.objects.create(link=link, text="Uno")
    as_ana.get(page_of(link))
    with django_assert_num_queries(8):
        as_ana.get(page_of(link))
    LinkPromise.objects.create(link=link, text="Dos")
    LinkPromise.objects.create(link=link, text="Tres", withdrawn_at=NOW)

    with django_assert_num_queries(8):
        as_ana.get(page_of(link))
