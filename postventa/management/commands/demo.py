import json
import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation
from django.utils.translation import gettext as _

from postventa import demo_environment
from postventa.processes import StartError
from postventa.supervisor import Demo, reset


class Command(BaseCommand):
    help = "Runs the whole product on this machine with made-up data: web, worker, beat, mailbox. Ctrl-C ends it."
    requires_system_checks = ()
    folder = settings.BASE_DIR / demo_environment.FOLDER

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reset", action="store_true", help="start afresh: forget everything in .demo/")

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override("es"):
            try:
                self.run_demo(is_reset=options["reset"])
            except StartError as error:
                raise CommandError(str(error)) from None

    def run_demo(self, *, is_reset: bool) -> None:
        lock = demo_environment.hold_lock(self.folder)
        if lock is None:
            raise StartError(self.already_running())
        with lock:
            if is_reset:
                reset(self.folder)
            self.say(_("Starting …"))
            demo = Demo(
                settings.BASE_DIR,
                self.folder,
                port=port_from("PORT", 8000),
                mailbox_port=port_from("MAILBOX_PORT", 8025),
                say=self.say,
            )
            demo.run(lock, self.welcome)
            self.say(_("Everything has ended; the data stays in .demo/."))

    def already_running(self) -> str:
        try:
            url = json.loads((self.folder / "demo.json").read_text())["url"]
        except FileNotFoundError:
            return _("A demo is already starting in this folder.")
        return _("A demo is already running in this folder: {url}").format(url=url)

    def welcome(self, facts: dict[str, Any]) -> None:
        staff, affiliates = facts["staff"], facts["affiliates"]
        rows = [(_("Affiliate {code}").format(code=who["code"]), who["email"], who["password"]) for who in affiliates]
        rows.append((_("Brand's staff"), staff["email"], staff["password"]))
        lines = [
            "",
            _("Postventa is running."),
            "",
            *columns(
                [
                    (_("Affiliates' portal"), facts["portal_url"]),
                    (_("Brand's desk"), facts["admin_url"]),
                    (_("Mailbox"), facts["mailbox_url"]),
                    (_("API reference"), f"{facts['url']}/api/docs/"),
                ]
            ),
            "",
            _("Who you can be:"),
            "",
            *columns([(_("who"), _("e-mail"), _("password")), *rows]),
            "",
            _("API key: {key}").format(key=facts["api_key"]),
            _("All of this is in .demo/demo.json. Ctrl-C ends everything; nothing is lost."),
        ]
        self.say("\n".join(lines))

    def say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def columns(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    return ["  " + "   ".join(cells).rstrip() for cells in padded]


def port_from(variable: str, default: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not (text.isdecimal() and int(text) < 65_536):
        raise StartError(_("{variable} must be a port number, not “{text}”.").format(variable=variable, text=text))
    return int(text)
