"""A whole installation to be mistreated: PostgreSQL, Valkey, workers, beats and a mail server of its own."""

import itertools
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections
from django.db.models.functions import Now
from django.utils.text import slugify
from environ import Env

from accounts.clock import database_now
from accounts.models import Brand
from affiliates.services import CustomerInput, PurchaseInput
from intake.chaos.network import HERE, Host, Network
from intake.chaos.sink import Sink
from intake.services import create_brand, take_purchases
from mailing.models import MailDomain, OutgoingMail, OutgoingMailQuerySet
from mailing.services import MailRequest, queue_mails, recover_expired_leases
from postventa.embedded import DATABASE_NAME, DATABASE_USER, POSTGRES_SOCKET, Postgres, Valkey
from postventa.processes import Child, Guard
from surveys.services import send_due_invitations

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
UNDER_WAY = {State.QUEUED, State.CLAIMED, State.HANDING_OVER}
SHOWN = {State.FAILED, State.CANCELLED, State.EXPIRED, State.UNCERTAIN}
PURCHASES_AT_ONCE = 1000
NOTHING: Mapping[str, str] = MappingProxyType({})
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
        return not self.lost and not self.doubled and self.delivered <= self.due


class Stage:
    def __init__(self, folder: Path, *, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
        self.guard = Guard()
        self.network = Network(folder, guard=self.guard)
        self.postgres = Postgres(folder, guard=self.guard, log=folder / "postgres.log")
        self.valkey = Valkey(folder, guard=self.guard, log=folder / "valkey.log", durable=False)
        self.children: list[Child] = []
        self.numbers = itertools.count(1)
        self.round = 1  # the same cases again have other customers
        self.deaths = 0

    def start(self) -> None:
        self.network.start()
        self.sink = Sink(self.network.address)
        self.postgres.start()
        self.valkey.start()
        self.services_of = {is_here: self._services(is_here=is_here) for is_here in (True, False)}
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
        self.network.close()
        self.guard.close()

    def _services(self, *, is_here: bool) -> dict[str, str]:
        """How programs find them: by their sockets on this host, by TCP from the others."""
        if is_here:
            return {"DATABASE_URL": self.postgres.url, "REDIS_URL": self.valkey.url}
        postgres, valkey = (f"{self.network.address}:{port}" for port in self.network.offer(self.sockets))
        return services_at(postgres, valkey)

    @property
    def sockets(self) -> tuple[str, str]:
        """PostgreSQL's and Valkey's."""
        folder = Env.db_url_config(self.postgres.url)["OPTIONS"]["host"]
        return f"{folder}/{POSTGRES_SOCKET}", urlsplit(self.valkey.url).path

    # --- Programs ------------------------------------------------------------------------------------------------
    def worker(
        self, host: Host = HERE, *wrong: str | Path, told: Mapping[str, str] = NOTHING, pool: str = "threads"
    ) -> Child:
        number = next(self.numbers)
        celery = ("worker", "-n", f"chaos{number}@%h", "-P", pool, "-c", "2", "--without-gossip")
        return self._celery(f"worker-{number}", host, wrong, (*celery, "--without-mingle"), told)

    def beat(self, *wrong: str | Path, host: Host = HERE, told: Mapping[str, str] = NOTHING) -> Child:
        name = f"beat-{next(self.numbers)}"
        return self._celery(name, host, wrong, ("beat", "-s", self.folder / name), told)

    def web(self, host: Host, *, told: Mapping[str, str]) -> Child:
        """gunicorn on port 8000 of that host."""
        command = ("-m", "gunicorn", "postventa.wsgi", "--bind", f"{host.address}:8000", "--workers", "1")
        return self._program(f"web-{next(self.numbers)}", host, command, {"ALLOWED_HOSTS": "*", **told})

    def _celery(
        self,
        name: str,
        host: Host,
        wrong: Sequence[str | Path],
        celery: Sequence[str | Path],
        told: Mapping[str, str],
    ) -> Child:
        start = ("-m", "intake.chaos.faulty", *wrong, "--") if wrong else ("-m", "celery", "-A", "postventa.celery")
        return self._program(name, host, (*start, *celery), told)

    def _program(self, name: str, host: Host, command: Sequence[str | Path], told: Mapping[str, str]) -> Child:
        """`told`: what of its environment is not as usual."""
        child = Child(
            name=name,
            command=[*host.prefix, sys.executable, *command],
            log=self.folder / f"{name}.log",
            guard=self.guard,
            is_ready=lambda: True,
            environment={
                **PROFILE,
                **self.services_of[host.is_here],
                "SECRET_KEY": settings.SECRET_KEY,
                "EMAIL_URL": f"smtp://{self.network.address}:{self.sink.port}",
                "DJANGO_SETTINGS_MODULE": "postventa.settings",
                **told,
            },
            options={"cwd": settings.BASE_DIR},
        )
        child.start()
        self.children.append(child)
        return child

    # --- Mail ----------------------------------------------------------------------------------------------------
    def sell(self, case: str, count: int) -> None:
        """Purchases whose customers are asked now, through the whole pipeline."""
        now = database_now()
        inputs = [
            PurchaseInput(
                external_id=f"{self.domain(case)}-{number}",
                purchased_at=now - timedelta(days=2),
                delivered_at=now - timedelta(days=1),
                amount=Decimal("10.00"),
                currency="EUR",
                customer=CustomerInput(email=f"c{number}@{self.domain(case)}"),
            )
            for number in range(count)
        ]
        for start in range(0, count, PURCHASES_AT_ONCE):
            take_purchases(self.brand, inputs[start : start + PURCHASES_AT_ONCE], now=now, source="chaos")

    def queue(self, case: str, count: int) -> None:
        """Surveys whose mails wait to be taken up, as if all of them became due at one moment."""
        self.sell(case, count)
        wait_until(lambda: send_due_invitations(now=database_now()) == 0, seconds=60)
        self.put_off(case)

    def answer(self, case: str, count: int) -> None:
        """Mails that have to arrive, at the price of a copy."""
        now = database_now()
        like = OutgoingMail.objects.filter(template="surveys/invitation").values_list("context", flat=True).first()
        requests = [
            MailRequest(
                brand=self.brand,
                template="surveys/invitation",
                to=f"a{number}@{self.domain(case)}",
                language="es",
                dedupe_key=f"chaos:{self.domain(case)}:{number}",
                guarantee=Guarantee.AT_LEAST_ONCE,
                not_before=now,
                context=like or {},
            )
            for number in range(count)
        ]
        queue_mails(requests)

    def domain(self, case: str) -> str:
        """The addresses of a case are known by it."""
        return f"{slugify(case)}-{self.round}.example"

    def mails(self, case: str) -> OutgoingMailQuerySet:
        return OutgoingMail.objects.filter(to_address__endswith=f"@{self.domain(case)}")

    def put_off(self, case: str) -> None:
        """What is left of it, dead hands included, is not for the next worker, but for those after `take_up`."""
        later = Now() + timedelta(hours=1)
        self.mails(case).filter(state=State.QUEUED).update(not_before=later)
        self.mails(case).filter(lease_until__isnull=False).update(lease_until=later)

    def take_up(self, case: str) -> None:
        self.mails(case).filter(state=State.QUEUED).update(not_before=Now())
        self.mails(case).filter(lease_until__isnull=False).update(lease_until=Now())

    def hurry(self) -> None:
        """As if the time had passed for which mails, domains and the dead are waited for."""
        OutgoingMail.objects.filter(state=State.QUEUED, not_before__gt=Now()).update(not_before=Now())
        MailDomain.objects.update(paused_until=None)
        held = OutgoingMail.objects.filter(state=State.HANDING_OVER, lease_until__lt=Now() + DEAD_AFTER)
        held.update(lease_until=Now() - timedelta(seconds=1))
        recover_expired_leases()

    def settle(self, case: str, due: int, *, seconds: float = 90, in_a_hurry: bool = True) -> Outcome:
        """Wait until nothing is under way, and count. Not `in_a_hurry`: with nobody's help but beat's and workers'."""

        def is_settled() -> bool:
            if in_a_hurry:
                self.hurry()
            return self.is_settled(case, due)

        wait_until(is_settled, seconds=seconds)
        return self.judge(case, due)

    def is_settled(self, case: str, due: int) -> bool:
        mails = self.mails(case)
        return mails.count() >= due and not mails.filter(state__in=UNDER_WAY).exists()

    def judge(self, case: str, due: int) -> Outcome:
        mails = list(self.mails(case).only("state", "guarantee", "message_id"))
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


def services_at(postgres: str, valkey: str) -> dict[str, str]:
    """For programs that reach them by TCP: `address:port` of each."""
    return {
        "DATABASE_URL": f"postgres://{DATABASE_USER}@{postgres}/{DATABASE_NAME}",
        "REDIS_URL": f"redis://{valkey}/0",
    }


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
