"""Who may do what: every page of the admin × every role × every action, in their own brand and in another."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import resolve, reverse
from django.utils import timezone

from accounts.admin import AdministratorsAdmin, BrandModelAdmin, way_to_brand
from accounts.models import AccessLog, ApiKey, Brand, Membership, User
from accounts.services import create_api_key
from affiliates.models import Purchase, TrackingLink
from complaints.models import Complaint
from surveys.models import Survey
from tests.factories import make_affiliate, make_brand, make_link, make_staff
from tests.world import make_world

pytestmark = pytest.mark.django_db

ADMIN, AGENT, ANALYST, READ_ONLY = Membership.Role.values
Rights = dict[str, str]
# v: sees it; c: changes it; d: deletes; a: adds.
READ: Rights = dict.fromkeys(Membership.Role.values, "v")
AGENTS_CHANGE: Rights = {**READ, ADMIN: "vc", AGENT: "vc"}
AGENTS_ADD: Rights = {**READ, ADMIN: "vca", AGENT: "vca"}
# People are not typed over: what may be done is a decision, and so they are not here what one changes.
ADMINISTRATORS_SEE: Rights = {ADMIN: "v", AGENT: "", ANALYST: "", READ_ONLY: ""}
ADMINISTRATORS_CHANGE: Rights = {ADMIN: "vc", AGENT: "", ANALYST: "", READ_ONLY: ""}
ADMINISTRATORS_ADD: Rights = {**ADMINISTRATORS_CHANGE, ADMIN: "vca"}
# Who analyses needs no customer's name.
KNOWING: Rights = {**READ, ANALYST: ""}
KNOWING_CHANGE: Rights = {**AGENTS_CHANGE, ANALYST: ""}
# All staff read every page that is not named here, and nobody writes there: only services do.
EXPECTED: dict[str, Rights] = {
    "AccessLog": ADMINISTRATORS_SEE,
    # Actions of affiliates, as the world's are, are theirs to change.
    "Action": {**READ, ADMIN: "va", AGENT: "va"},
    "Affiliate": AGENTS_ADD,
    "ApiKey": ADMINISTRATORS_ADD,
    "Asking": ADMINISTRATORS_CHANGE,
    "Aspect": AGENTS_ADD,
    "AuditEntry": ADMINISTRATORS_SEE,
    "Brand": ADMINISTRATORS_CHANGE,
    "CannedAnswer": AGENTS_ADD,
    "CataloguePromise": AGENTS_ADD,
    "Complaint": {**AGENTS_ADD, ANALYST: ""},
    "Customer": KNOWING,
    "Delivery": ADMINISTRATORS_SEE,
    "DayOff": {**READ, ADMIN: "vcda"},
    "Endpoint": ADMINISTRATORS_ADD,
    "Fact": AGENTS_ADD,
    "Finding": AGENTS_CHANGE,
    "Guide": AGENTS_ADD,
    "Hook": ADMINISTRATORS_ADD,
    "InboundEvent": KNOWING,
    "IncomingMail": KNOWING_CHANGE,
    "Membership": ADMINISTRATORS_SEE,
    "OutgoingMail": KNOWING,
    "PublicPage": AGENTS_CHANGE,
    "QuoteReport": AGENTS_CHANGE,
    "RetentionRun": dict.fromkeys(Membership.Role.values, ""),  # of all brands together: the operator's
    # A test mail goes to whoever asks for it.
    "SampleMail": {**dict.fromkeys(Membership.Role.values, "va"), ANALYST: ""},
    "StaffInvitation": {**ADMINISTRATORS_SEE, ADMIN: "va"},
    "Suppression": KNOWING,
    "Survey": AGENTS_ADD,
    "Target": {**READ, ADMIN: "vcda", AGENT: "vcda"},
    "TrackingLink": AGENTS_ADD,
    "User": ADMINISTRATORS_SEE,
    "WarrantyRule": {**READ, ADMIN: "vca"},
}


def pages() -> list[BrandModelAdmin]:
    ours = [page for page in admin.site._registry.values() if isinstance(page, BrandModelAdmin)]
    return sorted(ours, key=lambda page: page.model.__name__)


def request_of(user: User) -> Any:
    """As each request begins: nothing remembered of the one before."""
    request = RequestFactory().get("/")
    request.user = User.objects.get(pk=user.pk)
    return request


def rights(page: BrandModelAdmin, user: User, row: Model | None) -> str:
    request = request_of(user)
    ask = {"v": page.has_view_permission, "c": page.has_change_permission, "d": page.has_delete_permission}
    held = "".join(letter for letter, has in ask.items() if has(request, row))
    return held + ("a" if page.has_add_permission(request) else "")


def test_every_role_may_do_what_it_is_for_and_no_more() -> None:
    world = make_world()
    people = {role: make_staff(world.brand, role, role) for role in Membership.Role.values}
    found = {
        page.model.__name__: {
            role: rights(page, person, page.model._default_manager.visible_to(world.staff).first())
            for role, person in people.items()
        }
        for page in pages()
    }

    assert {name: held for name, held in found.items() if held != EXPECTED.get(name, READ)} == {}


def test_who_analyses_sees_figures_and_answers_and_no_customers_name(client: Client) -> None:
    world = make_world()
    lia = make_staff(world.brand, "Lía", ANALYST)
    client.force_login(lia)
    name, number = world.purchase.customer.name, world.purchase.external_id
    Purchase.objects.filter(pk=world.purchase.pk).update(metadata={"regalo_de": name})

    pages = {
        path: client.get(f"/admin/{path}/")
        for path in ("affiliates/purchase", "surveys/invitation", "surveys/response", "affiliates/affiliate")
    }

    assert [page.status_code for page in pages.values()] == [200] * 4
    assert number in pages["affiliates/purchase"].text
    assert number in pages["surveys/response"].text
    assert not any(name in page.text for page in pages.values())
    assert name not in client.get(f"/admin/affiliates/purchase/{world.purchase.pk}/change/").text
    survey = Survey.objects.filter(brand=world.brand).first()
    mail = f"surveys/survey/{survey.pk}/mail"
    assert client.get(f"/admin/{mail}/").status_code == 200
    for closed in (f"surveys/survey/{survey.pk}/mail_preview", "surveys/samplemail", "surveys/samplemail/add"):
        assert client.get(f"/admin/{closed}/").status_code == 403
    assert client.get(f"/admin/surveys/samplemail/add/mail/?survey={survey.pk}").status_code == 404
    for closed in ("affiliates/customer", "complaints/complaint", "mailing/outgoingmail", "complaints/incomingmail"):
        assert client.get(f"/admin/{closed}/").status_code == 403
    assert not Complaint.objects.visible_to(lia).exists()


@pytest.mark.parametrize(("role", "is_told"), [(ANALYST, False), (AGENT, True), (READ_ONLY, True)])
def test_who_needs_no_names_finds_nobody_by_address_and_no_case_at_risk(
    client: Client, role: str, is_told: bool
) -> None:
    world = make_world()
    Complaint.objects.filter(pk=world.complaint.pk).update(subject="Llegó rota", solution_due_at=timezone.now())
    client.force_login(make_staff(world.brand, "Lía", role))
    address, number = world.purchase.customer.email, world.purchase.external_id

    lists = [
        client.get(f"/admin/{path}/", {"q": address})
        for path in ("affiliates/purchase", "surveys/invitation", "surveys/response")
    ]
    overview = client.get(f"/portal/brands/{world.brand.slug}/")

    assert [number in page.text for page in lists] == [is_told] * 3
    assert overview.status_code == 200
    assert ("Llegó rota" in overview.text) == is_told


@pytest.mark.parametrize(("role", "status"), [(ANALYST, 200), (AGENT, 200), (READ_ONLY, 403)])
def test_who_only_looks_takes_no_file_away(client: Client, role: str, status: int) -> None:
    brand = make_brand()
    own = f"/portal/affiliates/{brand.slug}/{make_affiliate(brand).code}/"
    client.force_login(make_staff(brand, "Lía", role))
    chosen = {"action": "export", "_selected_action": list(brand.affiliates.values_list("pk", flat=True))}

    files = [
        client.post("/admin/affiliates/affiliate/", chosen),
        client.post("/admin/surveys/response/export/", {"brand": brand.pk}),
        client.get(f"/portal/brands/{brand.slug}/cases.csv"),
        client.get(f"/portal/brands/{brand.slug}/customers.csv"),
        client.get(f"{own}insights.csv"),
        client.get(f"{own}customers.csv"),
    ]

    assert [file.status_code for file in files] == [status] * 6
    assert AccessLog.objects.filter(purpose="export").exists() == (status == 200)


@pytest.mark.parametrize("role", [ANALYST, READ_ONLY])
def test_no_page_leads_where_its_reader_may_not_go(client: Client, role: str) -> None:
    """From the first page and from that of a row of every table that they see; whom they know by name is on record."""
    world = make_world()
    reader = make_staff(world.brand, "Lía", role)
    client.force_login(reader)
    rows = [(page, page.get_queryset(request_of(reader)).first()) for page in pages() if seen_by(page, reader)]
    if role == READ_ONLY:  # of the rest the analyst's walk knows
        rows = [(page, row) for page, row in rows if page.tells_of_customers]
    addresses = ["/admin/", *(reverse_of(page, "change", row.pk) for page, row in rows if row)]

    shown = {address: client.get(address, headers={"Accept-Language": "en"}) for address in addresses}

    assert {address: page.status_code for address, page in shown.items() if page.status_code != 200} == {}
    links = {link: address for address, page in shown.items() for link in links_in(page.text)}
    assert {link: address for link, address in links.items() if not leads_somewhere(link, client, reader)} == {}
    # One way to all of them, from the desk by the list.
    ways = {address: way_in(page.text) for address, page in shown.items() if address != "/admin/"}
    assert {address for address, way in ways.items() if way[0] != "Desk" or len(way) < 3} == set()


def seen_by(page: BrandModelAdmin, user: User) -> bool:
    return page.has_view_permission(request_of(user))


def reverse_of(page: BrandModelAdmin, name: str, *args: Any) -> str:
    return reverse(f"admin:{page.opts.app_label}_{page.opts.model_name}_{name}", args=args)


def links_in(text: str) -> set[str]:
    return {unescape(link) for link in re.findall(r'<a [^>]*href="(/[^"#?]*)', text)}


def way_in(text: str) -> list[str]:
    way = re.search(r'class="breadcrumbs">(.*?)</div>', text, re.DOTALL)
    return [step.strip() for step in re.sub(r"<[^>]+>", "", way[1] if way else "").split("›")]


def leads_somewhere(link: str, client: Client, reader: User) -> bool:
    """By what the page there would ask; a page that is nobody's in the admin is opened."""
    found = resolve(link)
    page = getattr(found.func, "model_admin", None)
    if page is None:
        return client.get(link).status_code in (200, 302)
    request = request_of(reader)
    if (pk := found.kwargs.get("object_id")) is None:
        return bool(page.has_view_permission(request))
    row = page.get_queryset(request).filter(pk=pk).first()
    return row is not None and bool(page.has_view_permission(request, row))


def test_libraries_bring_no_pages_of_their_own() -> None:
    """They would ask nobody's role: of them only what is shown on pages of ours is there."""
    assert [model for model, page in admin.site._registry.items() if not isinstance(page, BrandModelAdmin)] == []


def test_a_role_in_one_brand_gives_none_in_another() -> None:
    world = make_world()
    olga = world.olga  # administrator of the other brand
    Membership.objects.create(user=olga, brand=world.brand, role=READ_ONLY)
    rows = {page: page.model._default_manager.visible_to(world.staff).first() for page in pages()}

    writing = {
        page.model.__name__: held
        for page in rows
        if way_to_brand(page.model)
        if {"c", "d"} & set(held := rights(page, olga, rows[page]))
    }
    seen = {
        page.model.__name__
        for page, row in rows.items()
        if isinstance(page, AdministratorsAdmin) and page.get_queryset(request_of(olga)).filter(pk=row.pk).exists()
    }

    assert writing == {}
    assert seen - {"User"} == set()


def test_no_list_says_how_a_column_begins_that_it_does_not_filter_by() -> None:
    """Letter by letter that would tell hashes of passwords and keys, and addresses."""
    root = User.objects.create_superuser("root@lumbre.example")
    told = {
        f"{page.model.__name__}.{lookup}"
        for page in pages()
        for field in page.model._meta.concrete_fields
        for lookup in (f"{field.name}__startswith", f"{field.name}__password__startswith", f"{field.name}__gte__x")
        if page.lookup_allowed(lookup, "a", request_of(root))
    }

    assert told == set()


def test_every_page_knows_the_way_from_its_rows_to_their_brand() -> None:
    # The report of a night speaks of all brands by numbers alone.
    assert [page.model.__name__ for page in pages() if not way_to_brand(page.model)] == ["RetentionRun", "User"]


def test_a_colleague_who_administers_the_brand_makes_nobody_else_an_administrator() -> None:
    brand = make_brand()
    make_staff(brand)
    agent = make_staff(brand, "Iván", AGENT)
    create_api_key(brand, name="tienda")

    assert not Brand.objects.administered_by(agent).exists()
    assert not ApiKey.objects.visible_to(agent).exists()


def test_forms_offer_the_brands_that_one_may_write_for(client: Client) -> None:
    own, other = make_brand(), make_brand("brasa")
    sofia = make_staff(own, role=AGENT)
    Membership.objects.create(user=sofia, brand=other, role=ANALYST)
    client.force_login(sofia)

    form = client.get("/admin/complaints/cannedanswer/add/").context["adminform"].form

    assert list(form.fields["brand"].queryset) == [own]


def test_what_is_done_to_many_leaves_out_rows_of_a_brand_that_one_may_only_read(client: Client) -> None:
    own, other = make_brand(), make_brand("brasa")
    sofia = make_staff(own, role=AGENT)
    Membership.objects.create(user=sofia, brand=other, role=ANALYST)
    links = [make_link(make_affiliate(brand)) for brand in (own, other)]
    client.force_login(sofia)

    chosen = {"action": "pause", "_selected_action": [link.pk for link in links]}
    client.post("/admin/affiliates/trackinglink/", chosen)

    paused = TrackingLink.objects.filter(paused_at__isnull=False)
    assert list(paused) == links[:1]
