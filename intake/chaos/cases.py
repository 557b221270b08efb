"""What is done to the installation, and what of its mails was due."""

import signal
import time
from collections.abc import Callable, Iterator
from decimal import Decimal

from django.db.models import QuerySet

from accounts.clock import database_now
from affiliates.models import Purchase
from intake.chaos import hard_days
from intake.chaos.hosts import hosts
from intake.chaos.network import HERE
from intake.chaos.points import POINTS
from intake.chaos.stage import Outcome, Stage, wait_until
from intake.services import take_refund
from mailing.models import OutgoingMail
from mailing.services import unsubscribe
from postventa.processes import Child
from surveys.services import send_due_invitations

# What became of it, or a word on it.
Case = Callable[[Stage, int], Iterator[Outcome | str]]
DOOMED_MAILS = 6  # of each point; small, for whoever dies dies at the first
KILLS = 24  # about so many in a crowd
PART = 25  # the cases but one have so much less to send than a crowd
HOUR = 3600


def changed_minds(stage: Stage, crowd: int) -> Iterator[Outcome]:
    """Half unsubscribe and half get their money back while a worker has their mails in its hands; then all, later."""
    case, size = "changed minds", part_of(crowd)
    stage.sell(case, size)
    folder = stage.folder / f"changed-minds-{stage.round}"
    folder.mkdir()
    programs = [stage.worker(HERE, "--waits", folder), stage.beat()]

    def are_in_hand() -> bool:
        return (folder / "claimed").exists() and stage.mails(case).count() == size

    assert wait_until(are_in_hand, seconds=90), programs[0].last_words()
    now = database_now()
    for mail in stage.mails(case)[::2]:
        unsubscribe(mail, scope=OutgoingMail.SURVEYS, source="chaos", now=now)
    unhappy = [mail.to_address for mail in stage.mails(case).order_by("pk")[1::2]]
    refund(Purchase.objects.filter(customer__email__in=unhappy))
    (folder / "go-on").touch()
    yield stage.settle(case, 0)
    yield refunded_while_put_off(stage, size)
    stop_all(stage, programs)


def refunded_while_put_off(stage: Stage, size: int) -> Outcome:
    """All get their money back while the server thinks about their mails, which it then puts off."""
    case = "refunded while put off"
    stage.sink.replies = [b"450 4.2.0 later"] * size
    stage.sink.may_refuse.clear()
    stage.sell(case, size)
    with_server = stage.mails(case).filter(state=OutgoingMail.State.HANDING_OVER)
    assert wait_until(with_server.exists, seconds=60), f"{case}: nothing is handed over"
    refund(Purchase.objects.filter(customer__email__endswith=f"@{stage.domain(case)}"))
    stage.sink.may_refuse.set()
    outcome = stage.settle(case, 0)
    stage.sink.replies = []
    return outcome


def refund(purchases: QuerySet[Purchase]) -> None:
    now = database_now()
    for purchase in purchases.select_related("brand", "customer"):
        take_refund(purchase, external_id="all", amount=Decimal("10.00"), reason="", refunded_at=now, now=now)


def killed_at_each_point(stage: Stage, crowd: int) -> Iterator[Outcome]:
    """Nobody else is at work: each doomed worker meets its own mails, and the next workers what it leaves."""
    folder = stage.folder / f"killed-{stage.round}"
    folder.mkdir()
    family, beat = stage.worker(HERE, "--family", folder), stage.beat()
    for point in POINTS:
        case = f"killed {point}"
        stage.sell(case, DOOMED_MAILS)
        stage.answer(case, DOOMED_MAILS)
        send_due_invitations(now=database_now())  # else the next to be killed would find those that this one did not
        (folder / "next").write_text(point)
        assert wait_until((folder / point).exists, seconds=90), family.last_words()
        assert (folder / point).read_text() == str(-signal.SIGKILL), family.last_words()
        stage.put_off(case)
    stop_all(stage, [family])
    workers = start_workers(stage, 2)
    for point in POINTS:
        stage.take_up(f"killed {point}")
        yield stage.settle(f"killed {point}", 2 * DOOMED_MAILS)
    stop_all(stage, [*workers, beat])


def crowd_killed_at_random(stage: Stage, crowd: int) -> Iterator[Outcome]:
    """Four workers, two of them on other hosts, and nobody who helps but beat: all wait for what really has to pass."""
    case, answers = "crowd, workers killed at random", crowd // 4
    due = crowd + answers
    deadly = ("--chance", f"{KILLS / due:.6f}")  # at a point of its way; others are killed anywhere
    hosts = [HERE, HERE, *stage.network.others]
    workers = [stage.worker(host, *deadly) for host in hosts]
    beat = stage.beat()
    stage.sink.delay = 0.02
    stage.sell(case, crowd)
    stage.answer(case, answers)
    end = time.monotonic() + 180 + due / 10
    while not stage.is_settled(case, due) and time.monotonic() < end:
        enough = len(stage.sink.taken) + stage.random.randint(1, 2 * due // KILLS)
        if wait_until(lambda enough=enough: len(stage.sink.taken) >= enough, seconds=10):  # type: ignore[misc]
            stage.random.choice(workers).kill()
        for place, worker in enumerate(workers):
            if worker.has_ended():
                stage.deaths += 1
                workers[place] = stage.worker(hosts[place], *deadly)
    if not stage.is_settled(case, due):
        # Those who are left may die as well, and nobody would take their place. Healthy ones see it through.
        stop_all(stage, workers)
        workers = start_workers(stage, 4)
    yield stage.settle(case, due, seconds=180, in_a_hurry=False)
    stage.sink.delay = 0.0
    stop_all(stage, [*workers, beat])


def services_gone(stage: Stage, crowd: int) -> Iterator[Outcome]:
    """With two workers, one of them elsewhere."""
    size = part_of(crowd)
    programs = [stage.worker(), stage.worker(stage.network.others[0]), stage.beat()]
    stage.sink.delay = 0.05
    for case, harm in {
        "Redis killed and emptied": kill_valkey,
        "PostgreSQL restarted": restart_postgres,
        "PostgreSQL killed": kill_postgres,
        "mail server gone": leave_for_a_while,
    }.items():
        stage.sell(case, size)
        wait_for_first(stage, case)
        harm(stage)
        yield stage.settle(case, size)
    stage.sink.delay = 0.0
    stop_all(stage, programs)


def kill_valkey(stage: Stage) -> None:
    stage.valkey.child.kill()
    stage.valkey.start()


def restart_postgres(stage: Stage) -> None:
    stage.postgres.child.stop()
    stage.postgres.start()


def kill_postgres(stage: Stage) -> None:
    """All its processes at once, which is what it does at this signal; it has to recover what was committed."""
    assert stage.postgres.child.process
    stage.postgres.child.process.send_signal(signal.SIGQUIT)
    stage.postgres.child.process.wait()
    stage.postgres.start()


def leave_for_a_while(stage: Stage) -> None:
    stage.sink.go()
    time.sleep(3)
    stage.sink.come()


def servers_that_lie(stage: Stage, crowd: int) -> Iterator[Outcome]:
    size = part_of(crowd)
    programs = [*start_workers(stage, 2), stage.beat()]
    stage.sink.delay = 3.0
    stage.sell("slow server", size // 4)
    yield stage.settle("slow server", size // 4)
    stage.sink.delay = 0.0
    for case, reply in {
        "server says 421": b"421 4.3.2 busy",
        "server says 450": b"450 4.2.0 greylisted",
        "server says 550": b"550 5.2.0 no",
    }.items():
        stage.sink.replies = [reply] * (size // 4)
        stage.sell(case, size)
        yield stage.settle(case, size)
        stage.sink.replies = []
    for case, queue in {"surveys cut after DATA": stage.sell, "answers cut after DATA": stage.answer}.items():
        stage.sink.cuts = size // 4
        queue(case, size)
        yield stage.settle(case, size)
        stage.sink.cuts = 0
    stop_all(stage, programs)


def wrong_clocks(stage: Stage, crowd: int) -> Iterator[Outcome]:
    for name, seconds in {"ahead": HOUR, "behind": -HOUR}.items():
        clock = ("--clock", str(seconds))
        # Each holds mails for a while that the other must not take for those of a dead worker.
        stage.sink.delay = 0.5
        both = [stage.worker(), stage.worker(stage.network.others[0], *clock), stage.beat()]
        yield from at_work(stage, f"a worker an hour {name}", both, part_of(crowd))
        stage.sink.delay = 0.0
        alone = [stage.worker(HERE, *clock), stage.beat()]
        yield from at_work(stage, f"the only worker an hour {name}", alone, part_of(crowd))
        yield from at_work(stage, f"beat an hour {name}", [stage.worker(), stage.beat(*clock)], part_of(crowd))


def at_work(stage: Stage, case: str, programs: list[Child], size: int) -> Iterator[Outcome]:
    stage.sell(case, size)
    yield stage.settle(case, size, in_a_hurry=False)
    stop_all(stage, programs)


def two_beats(stage: Stage, crowd: int) -> Iterator[Outcome]:
    programs = [*start_workers(stage, 2), stage.beat(), stage.beat()]
    yield from at_work(stage, "two beats", programs, part_of(crowd))


ALL: list[Case] = [
    changed_minds,
    killed_at_each_point,
    services_gone,
    wrong_clocks,
    two_beats,
    servers_that_lie,
    hard_days.connections_taken,
    hard_days.out_of_memory,
    hard_days.disk_full,
    hard_days.names_slow,
    hard_days.certificate_expired,
    hard_days.poisoned_rows,
    hard_days.a_month_away,
    hosts,
    crowd_killed_at_random,
]


def part_of(crowd: int) -> int:
    return max(20, crowd // PART)


def wait_for_first(stage: Stage, case: str) -> None:
    """Until its mails are on their way."""
    sent = stage.mails(case).filter(state=OutgoingMail.State.SENT)
    assert wait_until(sent.exists, seconds=60), f"{case}: nothing is sent"


def start_workers(stage: Stage, count: int) -> list[Child]:
    return [stage.worker() for _ in range(count)]


def stop_all(stage: Stage, programs: list[Child]) -> None:
    for program in programs:
        program.kill()
        stage.children.remove(program)
