"""What was tried against it, and what came out. The table of docs/bad-inputs.md is written from here:
`WRITE_PAGE=1 python3 manage.py test tests/test_bad_inputs.py`.
"""

import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import time_machine
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpResponseBase
from django.test import Client

from accounts.models import Brand, Scope, User
from accounts.services import create_api_key
from accounts.spreadsheets import as_text
from affiliates.models import Affiliate
from complaints.files import check_file
from mailing.models import OutgoingMail
from postventa.logs import redact
from surveys.models import Response
from tests import factories
from tests.factories import NOW
from tests.intake.hooks import Shopify, make_shop
from tests.surveys.factories import make_invitation, send_mail

PAGE = Path(settings.BASE_DIR) / "docs" / "bad-inputs.md"
BEGIN, END = "<!-- table -->", "<!-- /table -->"
SALE = {
    "external_id": "P-2",
    "purchased_at": "2026-03-09T12:00:00Z",
    "amount": "49.90",
    "currency": "EUR",
    "customer": {"email": "carla@correo.example"},
}


@dataclass
class Scene:
    """The brand Lumbre, with an order that was asked about; a rival brand; and who tries."""

    brand: Brand
    ana: Affiliate
    bruno: User
    olga: User
    mail: OutgoingMail
    key: str
    shopify: Shopify

    @property
    def carlas_page(self) -> str:
        return f"{CUSTOMERS}{self.brand.customers.get().pk}/change/"

    def api(self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body)
        told = {"Authorization": f"Bearer {self.key if key is None else key}"}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        return Client().generic(method.upper(), f"/api/v1/{path}", data, "application/json", headers=told)

    def sale(self, **fields: Any) -> Any:
        return self.api("post", "purchases/", SALE | fields)

    def link(self, destination: str) -> Any:
        return self.api("post", "links/", {"affiliate": self.ana.code, "destination": destination})

    def webhook(self, url: str) -> Any:
        return self.api("post", "webhooks/", {"url": url, "events": ["complaint.opened"]})

    def survey(self, **fields: Any) -> Any:
        return Client().post(f"/s/{self.mail.token}/", fields)

    def seen_by(self, who: User, path: str) -> Any:
        client = Client()
        client.force_login(who)
        return client.get(path)


class Tried(NamedTuple):
    what: str
    came_out: str
    do: Callable[[Scene], Any]


def picture(name: str, data: bytes) -> str:
    try:
        return check_file(name, data).name
    except ValidationError as refusal:
        return f"refused: {refusal.code}"


def bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", b"0" * 5_000_000)
    return packed.getvalue()


SCRIPT = "<script>alert(1)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
CUSTOMERS = "/admin/affiliates/customer/"
PASSWORDS = "/admin/accounts/user/?password__startswith=a"
DEEP = b"[" * 100_000 + b"]" * 100_000

TRIED: dict[str, list[Tried]] = {
    "Keys of programs": [
        Tried("no key", "401 not_authenticated", lambda s: Client().get("/api/v1/links/")),
        Tried("a key that nobody has", "401 invalid_key", lambda s: s.api("get", "links/", key="pv_00000000_x")),
        Tried("a key with a NUL in it", "401 invalid_key", lambda s: s.api("get", "links/", key="pv_0\0_x")),
        Tried("the right prefix, another secret", "401 invalid_key", lambda s: s.api("get", "links/", key=s.key[:-4])),
        Tried("a scope that the key has not", "403 permission_denied", lambda s: narrow(s)),
        Tried("another brand’s key for an order", "404 not_found", lambda s: of_other_brand(s)),
        Tried("a method that there is not", "405 method_not_allowed", lambda s: s.api("delete", "purchases/P-1/")),
    ],
    "JSON": [
        Tried("no JSON", "400 parse_error", lambda s: s.api("post", "purchases/", b"{nope")),
        Tried("bytes that are no UTF-8", "400 parse_error", lambda s: s.api("post", "purchases/", b"\xff\xfe{}")),
        Tried("100,000 lists in each other", "400 parse_error", lambda s: s.api("post", "purchases/", DEEP)),
        Tried("a list where an object belongs", "400 invalid", lambda s: s.api("post", "purchases/", [])),
        Tried("a text for a customer", "400 invalid: customer", lambda s: s.sale(customer="Carla")),
        Tried("1,001 rows at once", "400 invalid", lambda s: s.api("post", "purchases/batch/", [SALE] * 1001)),
    ],
    "Orders": [
        Tried("an amount of NaN", "400 invalid: amount", lambda s: s.sale(amount="NaN")),
        Tried("an amount of 1e400", "400 invalid: amount", lambda s: s.sale(amount="1e400")),
        Tried("an amount below nothing", "400 invalid: amount", lambda s: s.sale(amount="-1")),
        Tried("an amount without end", "400 invalid: amount", lambda s: s.sale(amount="9" * 400)),
        Tried("a currency that there is not", "400 invalid: currency", lambda s: s.sale(currency="E€R")),
        Tried("a day that there is not", "400 invalid: purchased_at", lambda s: s.sale(purchased_at="2026-02-30")),
        Tried("the year 0", "400 invalid: purchased_at", lambda s: s.sale(purchased_at="0000-01-01T00:00:00Z")),
        Tried("a NUL in the order’s number", "400 invalid: external_id", lambda s: s.sale(external_id="P\0")),
        Tried("a number of 100,000 signs", "400 invalid: external_id", lambda s: s.sale(external_id="P" * 100_000)),
        Tried("half a character (\\ud800) as a name", "400 invalid: customer.name", lambda s: named(s, "\ud800")),
        Tried("a header in the address", "400 invalid: customer.email", lambda s: written(s, "a@b.es\r\nBcc: x@y.es")),
        Tried("fields of ours: brand, is_test", "400 invalid: brand, is_test", lambda s: s.sale(brand=1, is_test=True)),
        Tried("another price for a known order", "409 idempotency_conflict: amount", lambda s: again(s)),
        Tried("a price by PATCH", "400 invalid: amount", lambda s: s.api("patch", "purchases/P-1/", {"amount": "1"})),
        Tried("an old version", "412 precondition_failed", lambda s: of_version(s, '"old"')),
        Tried("a cursor that is none", "404 not_found", lambda s: s.api("get", "feedback/?cursor=A")),
        Tried("a made-up cursor", "404 not_found", lambda s: s.api("get", "feedback/?cursor=cD1hYmM=")),
        Tried("a page of −1 rows", "200", lambda s: s.api("get", "feedback/?page_size=-1")),
    ],
    "Where links lead": [
        Tried("javascript:", "400 invalid: destination", lambda s: s.link("javascript:alert(1)")),
        Tried("a foreign host", "400 invalid: destination", lambda s: s.link("https://evil.example/")),
        Tried("//evil.example", "400 invalid: destination", lambda s: s.link("//evil.example/")),
        Tried(
            "the shop as a user name",
            "400 invalid: destination",
            lambda s: s.link("https://lumbre.example@evil.example/"),
        ),
        Tried("a backslash", "400 invalid: destination", lambda s: s.link("https://lumbre.example\\@evil.example/")),
        Tried(
            "the shop as a beginning",
            "400 invalid: destination",
            lambda s: s.link("https://lumbre.example.evil.es/"),
        ),
        Tried(
            "a target in the query of /r/", "302 to the shop", lambda s: leads(get("/r/lumbre-guia?url=//evil.example"))
        ),
        Tried("a link that there is not", "404", lambda s: get("/r/none")),
        Tried("a foreign page after sign-in", "302 to ourselves", lambda s: leads(sign_in(s, "//evil.example/"))),
    ],
    "Where webhooks go": [
        Tried(url, "400 invalid: url", lambda s, url=url: s.webhook(url))  # type: ignore[misc]
        for url in (
            "http://erp.example.com/",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://169.254.169.254/latest/meta-data/",
            "https://localhost/",
            "https://erp.example.com:25/",
            "https://user@erp.example.com/",
            "gopher://erp.example.com/",
        )
    ],
    "Signed messages": [
        Tried("Shopify: no signature", "401 invalid_signature", lambda s: s.shopify.post(b"{}")),
        Tried("Shopify: a forged one", "401 invalid_signature", lambda s: forged(s)),
        Tried("Shopify: of no brand", "401 invalid_signature", lambda s: s.shopify.post(b"{}", brand="otra")),
        Tried("a postback without", "401 invalid_signature", lambda s: get("/api/v1/postback/lumbre/?order_id=1")),
    ],
    "Survey pages": [
        Tried("a guessed token", "404", lambda s: Client().get(f"/s/{'A' * 22}/")),
        Tried("a token of 10,000 signs", "404", lambda s: Client().get(f"/s/{'A' * 10_000}/")),
        Tried("a token with %00", "404", lambda s: Client().get("/s/%00/")),
        Tried("a mail scanner that opens every link", "200, nothing written", lambda s: looked(s)),
        Tried("99 of 5", "nothing written", lambda s: wrote(s, csat="99")),
        Tried("a POST of 3 MB of fields", "400", lambda s: s.survey(**{f"f{n}": "x" for n in range(1_500)})),
        Tried("GET on the way out of our mails", "200, still written to", lambda s: unsubscribed(s)),
    ],
    "Who is not signed in as they say": [
        Tried("a made-up session cookie", "302 to ourselves", lambda s: leads(forged_session())),
        Tried("a rival affiliate’s page", "404", lambda s: s.seen_by(s.bruno, "/portal/affiliates/lumbre/ana/")),
        Tried("an affiliate at the desk", "302 to ourselves", lambda s: leads(s.seen_by(s.bruno, CUSTOMERS))),
        Tried(
            "another brand’s staff",
            "302 to ourselves",
            lambda s: leads(s.seen_by(s.olga, s.carlas_page)),
        ),
        Tried("a filter by people’s passwords", "400", lambda s: s.seen_by(s.olga, PASSWORDS)),
        Tried("a POST without the form’s token", "403", lambda s: unguarded(s)),
    ],
    "The host": [
        Tried("Host: evil.example", "400", lambda s: Client().get("/", headers={"Host": "evil.example"})),
        Tried("X-Forwarded-Host: evil.example", "links in mails lead to BASE_URL", lambda s: forwarded(s)),
    ],
    "Files": [
        Tried("an SVG called photo.png", "refused: unknown_type", lambda s: picture("photo.png", SVG)),
        Tried("a ZIP called photo.jpg", "refused: unknown_type", lambda s: picture("photo.jpg", bomb())),
        Tried("a PNG cut in half", "refused: unknown_type", lambda s: picture("photo.png", b"\x89PNG\r\n\x1a\n\0\0")),
        Tried("more than 10 MB", "refused: too_large", lambda s: picture("a.pdf", b"%PDF-" + b"0" * 10 * 1024 * 1024)),
        Tried("../../etc/passwd as its name", "passwd.pdf", lambda s: picture("../../etc/passwd", b"%PDF-1.7")),
    ],
    "What leaves": [
        Tried("=HYPERLINK(…) into a CSV", "'=HYPERLINK(1)", lambda s: as_text("=HYPERLINK(1)")),
        Tried("the same after blanks, in full width", "'  ＝1+1", lambda s: as_text("  ＝1+1")),
        Tried(f"{SCRIPT} as a link’s name, on the desk", "shown as text", lambda s: shown(s)),
        Tried("a survey’s token into the log", "GET /s/[token]/", lambda s: redact(f"GET /s/{s.mail.token}/")),
        Tried("an address into the log", "from [email]", lambda s: redact("from carla@correo.example")),
    ],
}


# --- How it is tried -------------------------------------------------------------------------------------------------
def get(path: str) -> Any:
    return Client().get(path)


def of_version(scene: Scene, version: str) -> Any:
    return scene.api("patch", "purchases/P-1/", {}, If_Match=version)


def forged(scene: Scene) -> Any:
    return scene.shopify.send("orders/paid", {}, X_Shopify_Hmac_Sha256="AAAA")


def narrow(scene: Scene) -> Any:
    _key, text = create_api_key(scene.brand, name="narrow", scopes=[Scope.LINKS_READ])
    return scene.api("get", "purchases/P-1/", key=text)


def of_other_brand(scene: Scene) -> Any:
    _key, text = create_api_key(Brand.objects.get(slug="otra"), name="other")
    return scene.api("get", "purchases/P-1/", key=text)


def named(scene: Scene, name: str) -> Any:
    return scene.sale(customer={"email": "carla@correo.example", "name": name})


def written(scene: Scene, email: str) -> Any:
    return scene.sale(customer={"email": email})


def again(scene: Scene) -> Any:
    scene.sale(external_id="P-3")
    return scene.sale(external_id="P-3", amount="1.00")


def sign_in(scene: Scene, following: str) -> Any:
    staff = factories.make_staff(scene.brand, "Sofía")
    given = {"login": staff.email, "password": factories.PASSWORD, "next": following}
    return Client().post("/accounts/login/", given)


def leads(response: Any) -> str:
    where = response.headers.get("Location", "nowhere")
    home = where.startswith("/") and not where.startswith("//")
    return f"{response.status_code} to {'ourselves' if home else 'the shop' if is_shop(where) else where}"


def is_shop(url: str) -> bool:
    return url.startswith("https://lumbre.example/")


def looked(scene: Scene) -> str:
    status = Client().get(f"/s/{scene.mail.token}/?q=1").status_code
    return f"{status}, {'something' if Response.objects.exists() else 'nothing'} written"


def wrote(scene: Scene, **fields: str) -> str:
    scene.survey(**fields)
    return "something written" if Response.objects.exists() else "nothing written"


def unsubscribed(scene: Scene) -> str:
    status = Client().get(f"/u/{scene.mail.token}/").status_code
    is_over = scene.brand.suppressions.exists()
    return f"{status}, {'no more' if is_over else 'still'} written to"


def forged_session() -> Any:
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = "abcdefghijklmnopqrstuvwxyz012345"
    return client.get("/admin/")


def unguarded(scene: Scene) -> Any:
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.make_staff(scene.brand, "Marta"))
    return client.post("/admin/affiliates/affiliate/add/", {})


def forwarded(scene: Scene) -> str:
    staff = factories.make_staff(scene.brand, "Iván")
    Client().post("/accounts/password/reset/", {"email": staff.email}, headers={"X-Forwarded-Host": "evil.example"})
    mail = OutgoingMail.objects.latest("pk")
    told = json.dumps(mail.context)
    return "evil.example" if "evil.example" in told else "links in mails lead to BASE_URL"


def shown(scene: Scene) -> str:
    scene.ana.links.update(campaign=SCRIPT)
    client = Client()
    client.force_login(factories.make_staff(scene.brand, "Lía"))
    html = client.get("/admin/affiliates/trackinglink/").content.decode()
    return "runs" if SCRIPT in html else "shown as text"


# --- What comes out --------------------------------------------------------------------------------------------------
def in_words(came: Any) -> str:
    if isinstance(came, str):
        return came
    assert isinstance(came, HttpResponseBase)
    if not came.headers["Content-Type"].startswith("application/json") or came.status_code < 400:
        return str(came.status_code)
    error = came.json()["error"]  # type: ignore[attr-defined]
    names = ", ".join(sorted({each["field"] for each in error["fields"]} - {""}))
    return f"{came.status_code} {error['code']}" + (f": {names}" if names else "")


@pytest.fixture
def scene(db: None) -> Iterator[Scene]:
    with time_machine.travel(NOW, tick=False):
        brand = make_shop()
        olga = factories.make_staff(factories.make_brand("otra"), "Olga")
        ana = brand.affiliates.get()
        bruno = factories.make_member(factories.make_affiliate(brand, "Bruno"))
        customer = factories.make_customer(brand, "Carla Ruiz", "carla@correo.example")
        mail = send_mail(make_invitation(factories.make_purchase(customer, affiliate=ana, external_id="P-1")))
        key = create_api_key(brand, name="tienda")[1]
        yield Scene(brand, ana, bruno, olga, mail, key, Shopify(brand))


@pytest.mark.parametrize("door", list(TRIED))
def test_what_was_tried_comes_out_as_the_page_says(scene: Scene, door: str) -> None:
    tried = TRIED[door]

    assert {each.what: in_words(each.do(scene)) for each in tried} == {each.what: each.came_out for each in tried}


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text()
    if os.environ.get("WRITE_PAGE"):
        PAGE.write_text(with_table(page))
        return

    assert page == with_table(page), "WRITE_PAGE=1 python3 manage.py test tests/test_bad_inputs.py"


def with_table(page: str) -> str:
    lines = ["| door | tried | came out |", "|---|---|---|"]
    lines += [f"| {door} | {cell(t.what)} | {cell(t.came_out)} |" for door, tried in TRIED.items() for t in tried]
    before, after = page.partition(BEGIN)[0], page.partition(END)[2]
    return f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}"


def cell(words: str) -> str:
    return words.replace("|", "\\|").replace("<", "&lt;")
