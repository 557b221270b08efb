"""Two web hosts, three worker hosts, Redis and PostgreSQL on one each: they die, lose the network and come back.

Meanwhile a shop tells purchases and customers answer, by whichever web host takes it, until it is taken.
"""

import http.client
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import count
from threading import Event, Thread
from urllib.parse import urlencode

from django.db import connection

from accounts.services import create_api_key
from affiliates.models import Purchase
from intake.bench.measuring import cpu_of_database, cpu_of_family
from intake.chaos.network import Host
from intake.chaos.stage import Outcome, Stage, services_at, wait_until
from mailing.models import OutgoingMail
from postventa.processes import Child
from surveys.models import InvitationMail

WEB, WORKERS = 2, 3
PORT = 8000
PATIENCE = 4  # seconds that whoever asks a web host waits, as a proxy before two of them would
HOUR = 3600
CLIENTS = 4
SENT = OutgoingMail.State.SENT


@dataclass
class Fleet:
    """The hosts, and what runs on each."""

    stage: Stage
    web: list[Host]
    workers: list[Host]
    redis: Host
    database: Host
    told: dict[str, str]
    programs: dict[str, list[Child]] = field(default_factory=dict)

    @classmethod
    def start(cls, stage: Stage) -> "Fleet":
        add = stage.network.add_host
        redis, database = add("redis"), add("postgresql")
        postgres_socket, valkey_socket = stage.sockets
        stage.network.offer_on(database, 5432, postgres_socket)
        stage.network.offer_on(redis, 6379, valkey_socket)
        return cls(
            stage,
            web=[add(f"web-{number}") for number in range(1, WEB + 1)],
            workers=[add(f"worker-{number}") for number in range(1, WORKERS + 1)],
            redis=redis,
            database=database,
            told=services_at(f"{database.address}:5432", f"{redis.address}:6379"),
        )

    def serve(self, host: Host) -> None:
        self.programs[host.name] = [self.stage.web(host, told=self.told)]

    def work(self, host: Host, *wrong: str, with_beat: bool = False) -> None:
        programs = [self.stage.worker(host, *wrong, told=self.told)]
        if with_beat:
            programs.append(self.stage.beat(host=host, told=self.told))
        self.programs[host.name] = programs

    def die(self, host: Host) -> None:
        for program in self.programs.pop(host.name, []):
            program.kill()
            self.stage.children.remove(program)

    def cpu(self) -> float:
        """Seconds of processor of all that runs on the hosts."""
        running = [program.process for programs in self.programs.values() for program in programs]
        return sum(cpu_of_family(process.pid) for process in running if process)


@dataclass
class Proxy:
    """Asks one web host, then the other, until one has answered well."""

    hosts: list[Host]
    turn: Iterator[int] = field(default_factory=count)

    def ask(self, method: str, path: str, body: str = "", headers: dict[str, str] | None = None) -> bytes | None:
        """None: neither would, for now."""
        for _try in self.hosts:
            host = self.hosts[next(self.turn) % len(self.hosts)]
            web = http.client.HTTPConnection(host.address, PORT, timeout=PATIENCE)
            try:
                web.request(method, path, body.encode(), headers or {})
                answer = web.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException):
                continue
            finally:
                web.close()
            if answer.status < 400:
                return content
        return None


@dataclass
class Life:
    """What a shop and its customers do in the meantime. `told` and `answered`: what a web host has said it has."""

    stage: Stage
    proxy: Proxy
    headers: dict[str, str]
    case: str
    told: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    is_over: Event = field(default_factory=Event)
    numbers: Iterator[int] = field(default_factory=count)

    @property
    def domain(self) -> str:
        return self.stage.domain(self.case)

    def sell(self) -> None:
        """One purchase after the other, each until it is taken."""
        while not self.is_over.is_set():
            name = f"{self.domain}-{next(self.numbers)}"
            body = self.purchase(name)
            while self.proxy.ask("POST", "/api/v1/purchases/", body, self.headers) is None:
                time.sleep(0.2)
            self.told.add(name)

    def purchase(self, name: str) -> str:
        now = time.time()
        bought, brought = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - days * 86_400)) for days in (2, 1))
        customer = {"email": f"{name}@{self.domain}"}
        told = {"external_id": name, "purchased_at": bought, "delivered_at": brought, "customer": customer}
        return json.dumps(told | {"amount": "10.00", "currency": "EUR"})

    def answer(self) -> None:
        """Whoever has got a mail, one after the other."""
        while not self.is_over.is_set():
            try:
                known = self.stage.mails(self.case).filter(state=SENT)
                waiting = [mail for mail in known.order_by("pk") if mail.token not in self.answered]
            except Exception:  # the database is on its way back
                connection.close()
                waiting = []
            for mail in waiting:
                while not (self.is_over.is_set() or self.give(mail.token)):
                    time.sleep(0.2)
            time.sleep(0.2)
        connection.close()

    def give(self, token: str) -> bool:
        page = self.proxy.ask("GET", f"/s/{token}/?step=all")
        found = re.search(rb'name="nonce" value="([^"]*)"', page or b"")
        if not found:
            return False
        fields = urlencode({"nonce": found.group(1).decode(), "csat": "5", "nps": "9", "keep_text": "Todo bien."})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if self.proxy.ask("POST", f"/s/{token}/", fields, headers) is None:
            return False
        self.answered.add(token)
        return True


def hosts(stage: Stage, crowd: int) -> Iterator[Outcome | str]:
    """Each host dies or loses the network, one after the other, and the clock of one is wrong all the time."""
    if stage.network.why_not:
        yield f"hosts: not tried, for here is no namespace: {stage.network.why_not}"
        return
    fleet = Fleet.start(stage)
    first, second, third = fleet.workers
    for host in fleet.web:
        fleet.serve(host)
    fleet.work(first, with_beat=True)
    fleet.work(second)
    fleet.work(third, "--clock", str(HOUR))
    life = begin_life(stage, fleet)
    yield from (f"  {what}" for what in go_through(fleet, life))
    life.is_over.set()
    yield from judged(stage, life)
    yield from curve(stage, fleet, crowd)
    for host in (*fleet.web, *fleet.workers):
        fleet.die(host)


def begin_life(stage: Stage, fleet: Fleet) -> Life:
    _key, text = create_api_key(stage.brand, name="hosts")
    headers = {"Authorization": f"Bearer {text}", "Content-Type": "application/json"}
    life = Life(stage, Proxy(fleet.web), headers, "hosts")
    for act in (life.sell, life.answer):
        Thread(target=act, daemon=True).start()
    assert wait_until(lambda: len(life.answered) > 0, seconds=120), fleet.programs["web-1"][0].last_words()
    return life


def go_through(fleet: Fleet, life: Life) -> Iterator[str]:
    """What happened, and how much went on meanwhile."""
    network, first, second, third = fleet.stage.network, *fleet.workers

    def redis_dies_silently() -> None:
        network.pull_out(fleet.redis)
        fleet.stage.valkey.child.kill()
        time.sleep(5)
        fleet.stage.valkey.start()
        network.put_back(fleet.redis)

    def without_network(host: Host, seconds: float) -> Callable[[], None]:
        def happen() -> None:
            network.pull_out(host)
            time.sleep(seconds)
            network.put_back(host)

        return happen

    def dies(host: Host, comes_back: Callable[[], None]) -> Callable[[], None]:
        def happen() -> None:
            fleet.die(host)
            time.sleep(5)
            comes_back()

        return happen

    harms: dict[str, Callable[[], None]] = {
        "worker-1 dies, and beat with it": dies(first, lambda: fleet.work(first, with_beat=True)),
        "worker-2 without network": without_network(second, 8),
        "web-1 dies": dies(fleet.web[0], lambda: fleet.serve(fleet.web[0])),
        "web-2 without network": without_network(fleet.web[1], 8),
        "Redis dies without a word, and forgets all": redis_dies_silently,
        "PostgreSQL without network": without_network(fleet.database, 8),
        "worker-3 dies": dies(third, lambda: fleet.work(third, "--clock", str(HOUR))),
    }
    for what, harm in harms.items():
        told, answered, began = len(life.told), len(life.answered), time.monotonic()
        harm()
        enough = len(life.answered) + 3
        wait_until(lambda enough=enough: len(life.answered) >= enough, seconds=90)  # type: ignore[misc]
        meanwhile = f"{len(life.told) - told} purchases and {len(life.answered) - answered} answers"
        yield f"{what}: {meanwhile} in {time.monotonic() - began:.0f} s"


def judged(stage: Stage, life: Life) -> Iterator[Outcome]:
    time.sleep(PATIENCE + 1)  # what is on its way arrives
    stage.settle("hosts", len(life.told), seconds=120)
    bought = set(Purchase.objects.filter(external_id__startswith=life.domain).values_list("external_id", flat=True))
    yield compared("hosts: purchases", life.told, bought)
    yield replace(stage.judge("hosts", len(bought)), case="hosts: mails")
    own = InvitationMail.objects.filter(mail__in=stage.mails("hosts"), invitation__response__isnull=False)
    yield compared("hosts: answers", life.answered, {asked.mail.token for asked in own.select_related("mail")})


def compared(case: str, taken: set[str], stored: set[str]) -> Outcome:
    """What a web host has said that it has taken, and what is there. Of none can there be two: see the tables' keys."""
    return Outcome(case, len(taken), len(taken & stored), len(taken - stored), doubled=0, again=0, uncertain=0)


def curve(stage: Stage, fleet: Fleet, crowd: int) -> Iterator[str]:
    """What one, two and three worker hosts send, and one and two web hosts take: on these processors, not on more."""
    for host in fleet.workers:
        fleet.die(host)
    case, size = "curve", max(500, crowd // 5)
    for number, host in enumerate(fleet.workers, 1):
        fleet.work(host, with_beat=number == 1)
        stage.queue(case, size)
        figures = measured(fleet, size, lambda: send_all(stage, case, size))
        yield f"  {number} worker hosts: {figures} a mail"
        stage.round += 1
    for host in fleet.workers:
        fleet.die(host)
    stage.round -= 1  # its mails are there to be answered
    tokens = [mail.token for mail in stage.mails(case)]
    for number, part in ((1, tokens[::2]), (2, tokens[1::2])):
        life = Life(stage, Proxy(fleet.web[:number]), {}, case)
        figures = measured(fleet, len(part), lambda life=life, part=part: answer_all(life, part))  # type: ignore[misc]
        yield f"  {number} web hosts: {figures} an answer"


def send_all(stage: Stage, case: str, size: int) -> None:
    stage.take_up(case)
    sent = stage.mails(case).filter(state=SENT)
    assert wait_until(lambda: sent.count() >= size, seconds=300), "they are not sent"


def answer_all(life: Life, tokens: Sequence[str]) -> None:
    """Each page got and sent, by CLIENTS at once."""
    with ThreadPoolExecutor(CLIENTS) as clients:
        taken = sum(clients.map(life.give, tokens))
    assert taken == len(tokens), f"{taken} of {len(tokens)} answers are taken"


def measured(fleet: Fleet, size: int, work: Callable[[], None]) -> str:
    """How many a second, and the processor of the hosts and of PostgreSQL that each takes."""
    began, cpu = time.monotonic(), fleet.cpu() + cpu_of_database()
    work()
    seconds, cpu = time.monotonic() - began, fleet.cpu() + cpu_of_database() - cpu
    return f"{size / seconds:,.0f} /s, {1000 * cpu / size:.1f} ms of processor"
