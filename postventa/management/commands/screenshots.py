import io
import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from postventa import browser, demo_environment
from postventa.mailbox import Mailbox

DESK, PHONE = (1180, 820), (390, 844)
COLOURS = 128  # enough for pages of few colours, at a third of the size
PATIENCE = 60.0  # seconds until the survey must be in the mailbox


@dataclass(frozen=True)
class Picture:
    """One page as one person sees it. `follow`: the link on it that leads to what is shown."""

    name: str
    who: str  # an affiliate's code, "staff", or "customer", whose mail leads to the survey
    path: str = ""
    follow: str = ""
    size: tuple[int, int] = DESK
    scheme: str = "light"


CHANGE = '#content-start a[href$="/change/"]'
PICTURES = (
    Picture("portal", "ana", "/portal/", size=(1180, 1180)),
    Picture("portal-phone", "bruno", "/portal/", size=PHONE, scheme="dark"),
    Picture("sale", "ana", "/portal/sales/", follow='main a[href^="/portal/sales/20"]'),
    Picture("customers", "ana", "/portal/customers/"),
    Picture("survey", "customer", size=PHONE),
    Picture("desk", "staff", "/admin/complaints/complaint/"),
    Picture("case", "staff", "/admin/complaints/complaint/", follow=CHANGE),
    Picture("programme", "staff", "/portal/brands/{brand}/affiliates/"),
    Picture("builder", "staff", "/admin/surveys/survey/", follow=f"{CHANGE} >> nth=-1"),
    Picture("mails", "staff", "/admin/mailing/outgoingmail/"),
)


class Command(BaseCommand):
    help = "Takes the pictures of docs/images/ anew, of the demo that runs in this folder, so that they stay true."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(each.name for each in PICTURES))
        parser.add_argument("--folder", type=Path, default=settings.BASE_DIR / "docs" / "images")

    def handle(self, *args: Any, **options: Any) -> None:
        unknown = set(options["names"]) - {each.name for each in PICTURES}
        if unknown:
            raise CommandError(f"There is no picture {', '.join(sorted(unknown))}.")
        demo = Demo(settings.BASE_DIR / demo_environment.FOLDER)
        wanted = [each for each in PICTURES if not options["names"] or each.name in options["names"]]
        options["folder"].mkdir(parents=True, exist_ok=True)
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(**browser.launch_options())  # type: ignore[arg-type]
            for picture in wanted:
                with demo.opened(chromium, picture) as page:
                    save(page.screenshot(), options["folder"] / f"{picture.name}.png")
                self.stdout.write(picture.name)


class Demo:
    """The running demo: its people, and a customer who has just been asked."""

    def __init__(self, folder: Path) -> None:
        if not demo_environment.is_running(folder):
            raise CommandError("No demo runs in this folder: start one with manage.py demo, in another terminal.")
        self.folder = folder
        self.facts: dict[str, Any] = json.loads((folder / "demo.json").read_text())
        self.people = {"staff": self.facts["staff"], **{each["code"]: each for each in self.facts["affiliates"]}}

    @contextmanager
    def opened(self, chromium: Browser, picture: Picture) -> Iterator[Page]:
        width, height = picture.size
        context = chromium.new_context(
            base_url=self.facts["url"],
            locale="es-ES",
            timezone_id="Europe/Madrid",
            viewport={"width": width, "height": height},
            color_scheme=picture.scheme,  # type: ignore[arg-type]
            reduced_motion="reduce",
        )
        try:
            page = self._signed_in(context, picture.who)
            page.goto(self._address(picture))
            if picture.follow:
                page.goto(page.locator(picture.follow).first.get_attribute("href") or "")
            yield page
        finally:
            context.close()

    def _signed_in(self, context: BrowserContext, who: str) -> Page:
        page = context.new_page()
        if person := self.people.get(who):
            page.goto("/accounts/login/")
            page.fill("input[name=login]", person["email"])
            page.fill("input[name=password]", person["password"])
            page.press("input[name=password]", "Enter")
            page.wait_for_load_state()
            if (tour := page.locator('form[action$="/tour/"] button')).count():  # as on the first day alone
                tour.click()
        return page

    def _address(self, picture: Picture) -> str:
        return self._survey() if picture.who == "customer" else picture.path.format(brand=self.facts["brand"])

    def _survey(self) -> str:
        """The path that the mail to a new customer leads to."""
        address = f"carla-{int(time.time())}@correo.example"
        self._sell(address)
        mailbox, deadline = Mailbox(self.folder / "mailbox"), time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for mail in mailbox.mails():
                if mail.to == address and "/s/" in mail.text:
                    return "/s/" + mail.text.split("/s/")[-1].split()[0]
            time.sleep(0.5)
        raise CommandError("The survey has not come into the mailbox.")

    def _sell(self, address: str) -> None:
        now = datetime.now(tz=UTC).isoformat()
        purchase = {
            "external_id": address,
            "purchased_at": now,
            "delivered_at": now,
            "amount": "49.90",
            "currency": "EUR",
            "product": {"sku": "moka-6", "name": "Cafetera moka", "kind": "goods"},
            "customer": {"email": address, "name": "Carla", "language": "es", "survey_notice": True},
            "affiliate": "ana",
        }
        request = urllib.request.Request(  # noqa: S310 - the demo's own address
            f"{self.facts['url']}/api/v1/purchases/",
            data=json.dumps(purchase).encode(),
            headers={"Authorization": f"Bearer {self.facts['api_key']}", "Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310


def save(png: bytes, path: Path) -> None:
    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)
