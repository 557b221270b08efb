"""A whole installation to be mistreated: PostgreSQL, Valkey, workers, beats and a mail server of its own."""

import itertools
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections
from django.db.models.functions import Now
from django.utils.text import slugify
from environ import Env

from accounts.clock import database_now
from accounts.models import Brand
from affiliates.services import CustomerInput, PurchaseInput
from intake.chaos.sink import Sink
from intake.services import create_brand, take_purchases
from mailing.models import MailDomain, OutgoingMail
from mailing.services import MailRequest, queue_mails, recover_expired_leases
from postventa.embedded import Postgres, Valkey
from postventa.processes import Child, Guard

State, Guarantee = OutgoingMail.State, OutgoingMail.Guarantee

# The short profile: what lasts minutes in production lasts seconds here.
PROFILE = {
    "EMAIL_TIMEOUT": "6",
    "MAIL_CLAIM_SECONDS": "4",
    "MAIL_LEASE_SECONDS": "32",
    "MAIL_DOMAIN_PAUSE_SECONDS": "2",
    "MAIL_POLICY_PAUSE_SECONDS": "2",
    "MAIL_BATCH_SIZE": "20",
    "MAIL_CONNECTIONS": "4",
    "MAIL_RATE": "0",
    "MAIL_RATE_PER_DOMAIN": "0",
    "LOG_LEVEL": "WARNING",
}
SHOWN = {State.FAILED, State.CANCELLED, State.EXPIRED, State.UNCERTAIN}
DEAD_AFTER = timedelta(seconds=20)  # the part of a lease that is waited for before it is taken for over


@dataclass(frozen=True)
class Outcome:
    """What became of the mails of one case. `again`: copies of answers under one Message-ID, which are allowed."""

    case: str
    due: int
    delivered: int
    lost: int
    doubled: int
    again: int
    uncertain: int

    @property
    def holds(self) -> bool:
        return not self.lost and not self.doubled


class Stage:
    def __init__(self, folder: Path, *, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
        self.guard = Guard()
        self.sink = Sink()
        self.postgres = Postgres(folder, guard=self.guard, log=folder / "postgres.log")
        self.valkey = Valkey(folder, guard=self.guard, log=folder / "valkey.log", durable=False)
        self.children: list[Child] = []
        self.numbers = itertools.count(1)

    def start(self) -> None:
        self.postgres.start()
        self.valkey.start()
        connections.databases[DEFAULT_DB_ALIAS].update(Env.db_url_config(self.postgres.url))
        connections.close_all()
        call_command("migrate", interactive=False, verbosity=0)
        everybody_at_once = {
            "window_start": "00:00",
            "window_end": "23:59:59.999999",
            "is_spread": False,
            "fatigue_days": 0,
        }
        self.brand: Brand = create_brand(
            "caos",
            name="Caos",
            survey_sender="encuestas@caos.example",
            service_sender="atencion@caos.example",
            delay_goods=timedelta(0),
            survey_notice_default=True,
            **everybody_at_once,
        )

    def close(self) -> None:
        for child in [*self.children, self.valkey.child]:
            child.stop()
        connections.close_all()
        self.postgres.child.stop()
        self.guard.close()

    # --- Programs ------------------------------------------------------------------------------------------------
    def program(self, name: str, *arguments: str | Path) -> Child:
        child = Child(
            name=name,
            command=[sys.executable, *arguments],
            log=self.folder / f"{name}.log",
            guard=self.guard,
            is_ready=lambda: True,
            environment={
                **PROFILE,
                "DATABASE_URL": self.postgres.url,
                "REDIS_URL": self.valkey.url,
                "SECRET_KEY": settings.SECRET_KEY,
                "EMAIL_URL": f"smtp://127.0.0.1:{self.sink.port}",
                "DJANGO_SETTINGS_MODULE": "postventa.settings",
            },
            options={"cwd": settings.BASE_DIR},
        )
        child.start()
        self.children.append(child)
        return child

    def worker(self) -> Child:
        number = next(self.numbers)
        celery = ("-m", "celery", "-A", "postventa.celery", "worker", "-n", f"chaos{number}@%h", "-P", "threads")
        return self.program(f"worker-{number}", *celery, "-c", "2", "--without-gossip", "--without-mingle")

    def beat(self) -> Child:
        number = next(self.numbers)
        schedule = self.folder / f"beat-{number}"
        return self.program(f"beat-{number}", "-m", "celery", "-A", "postventa.celery", "beat", "-s", schedule)

    def doomed(self, point: str, folder: Path | None = None) -> Child:
        number = next(self.numbers)
        return self.program(f"doomed-{number}", "-m", "intake.chaos.doomed", point, *([folder] if folder else []))

    def kill(self, child: Child) -> None:
        """Without a word of warning, children and all."""
        assert child.process
        os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()
        self.children.remove(child)

    # --- Mail ----------------------------------------------------------------------------------------------------
    def sell(self, case: str, count: int) -> None:
        """Purchases whose customers are asked now, through the whole pipeline."""
        now = database_now()
        inputs = [
            PurchaseInput(
                external_id=f"{case}-{number}",
                purchased_at=now - timedelta(days=2),
                delivered_at=now - timedelta(days=1),
                amount=Decimal("10.00"),
                currency="EUR",
                customer=CustomerInput(email=f"c{number}@{domain(case)}"),
            )
            for number in range(count)
        ]
        take_purchases(self.brand, inputs, now=now, source="chaos")

    def answer(self, case: str, count: int) -> None:
        """Mails that have to arrive, at the price of a copy."""
        now = database_now()
        like = OutgoingMail.objects.filter(template="surveys/invitation").values_list("context", flat=True).first()
        requests = [
            MailRequest(
                brand=self.brand,
                template="surveys/invitation",
                to=f"a{number}@{domain(case)}",
                language="es",
                dedupe_key=f"chaos:{case}:{number}",
                guarantee=Guarantee.AT_LEAST_ONCE,
                not_before=now,
                context=like or {},
            )
            for number in range(count)
        ]
        queue_mails(requests)

    def mails(self, case: str) -> list[OutgoingMail]:
        return list(OutgoingMail.objects.filter(to_address__endswith=f"@{domain(case)}"))

    def count(self, case: str, state: str) -> int:
        return sum(mail.state == state for mail in self.mails(case))

    def put_off(self, case: str) -> None:
        """Until the next hurry(): what is left of this case is not for the next worker."""
        left = OutgoingMail.objects.filter(state=State.QUEUED, to_address__endswith=f"@{domain(case)}")
        left.update(not_before=Now() + timedelta(hours=1))

    def hurry(self) -> None:
        """As if the time had passed for which mails, domains and the dead are waited for."""
        OutgoingMail.objects.filter(state=State.QUEUED, not_before__gt=Now()).update(not_before=Now())
        MailDomain.objects.update(paused_until=None)
        held = OutgoingMail.objects.filter(state=State.HANDING_OVER, lease_until__lt=Now() + DEAD_AFTER)
        held.update(lease_until=Now() - timedelta(seconds=1))
        recover_expired_leases()

    def settle(self, case: str, due: int, *, seconds: float = 60) -> Outcome:
        """Wait until nothing is under way, and count."""

        def is_settled() -> bool:
            self.hurry()
            mails = self.mails(case)
            under_way = {State.QUEUED, State.CLAIMED, State.HANDING_OVER}
            return len(mails) >= due and not any(mail.state in under_way for mail in mails)

        wait_until(is_settled, seconds=seconds)
        return self.judge(case, due)

    def judge(self, case: str, due: int) -> Outcome:
        mails = self.mails(case)
        copies = {mail.pk: self.sink.taken[mail.message_id] for mail in mails}
        # Neither delivered nor shown to staff as refused, taken back or uncertain.
        forgotten = [mail for mail in mails if not copies[mail.pk] and mail.state not in SHOWN]
        surveys = {mail.pk for mail in mails if mail.guarantee == Guarantee.AT_MOST_ONCE}
        return Outcome(
            case=case,
            due=due,
            delivered=sum(count > 0 for count in copies.values()),
            lost=max(0, due - len(mails)) + len(forgotten),
            doubled=sum(max(0, count - 1) for pk, count in copies.items() if pk in surveys),
            again=sum(max(0, count - 1) for pk, count in copies.items() if pk not in surveys),
            uncertain=sum(mail.state == State.UNCERTAIN for mail in mails),
        )


def domain(case: str) -> str:
    """The addresses of a case are known by it."""
    return f"{slugify(case)}.example"


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """False: it did not come about in time. A database that is away meanwhile is waited for, too."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition():
                return True
        except DatabaseError:
            connection.close()
        time.sleep(0.2)
    return False


@contextmanager
def stage(folder: Path, *, seed: int) -> Iterator[Stage]:
    made = Stage(folder, seed=seed)
    try:
        made.start()
        yield made
    finally:
        made.close()
