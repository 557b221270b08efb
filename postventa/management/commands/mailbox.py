import asyncio
import signal
import socket
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from postventa.mailbox import Mailbox, serve


class Command(BaseCommand):
    help = "Keeps the mails it gets by SMTP and shows them on a page. For the demo and development only."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--folder", type=Path, default=settings.BASE_DIR / ".demo" / "mailbox")
        parser.add_argument("--smtp-port", type=int, default=1025)
        parser.add_argument("--http-port", type=int, default=8025)
        # The demo opens the sockets itself: a port cannot be lost between choosing and using it.
        parser.add_argument("--smtp-fd", type=int)
        parser.add_argument("--http-fd", type=int, action="append")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["smtp_fd"] is None:
            smtp = socket.create_server(("127.0.0.1", options["smtp_port"]))
            http = [socket.create_server(("127.0.0.1", options["http_port"]))]
            self.stdout.write(f"SMTP 127.0.0.1:{options['smtp_port']}, http://localhost:{options['http_port']}/")
        else:
            smtp = socket.socket(fileno=options["smtp_fd"])
            http = [socket.socket(fileno=number) for number in options["http_fd"]]
        asyncio.run(self.serve_until_told(Mailbox(options["folder"]), smtp, http))

    async def serve_until_told(self, mailbox: Mailbox, smtp: socket.socket, http: list[socket.socket]) -> None:
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        await serve(mailbox, smtp=smtp, http=http, ended=ended)
