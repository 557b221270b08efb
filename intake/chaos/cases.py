"""What is done to the installation, and what of its mails was due."""

import time
from collections.abc import Callable, Iterator
from decimal import Decimal

from accounts.clock import database_now
from affiliates.models import Purchase
from intake.chaos.points import POINTS
from intake.chaos.stage import Outcome, Stage, wait_until
from intake.services import take_refund
from mailing.models import OutgoingMail
from mailing.services import unsubscribe
from postventa.processes import Child
from surveys.services import send_due_invitations

Case = Callable[[Stage, int], Iterator[Outcome]]
DOOMED_MAILS = 6  # of each point; small, for whoever dies dies at the first


def killed_at_each_point(stage: Stage, size: int) -> Iterator[Outcome]:
    """Nobody else is at work: each doomed worker meets its own mails, and the next workers what it leaves."""
    for point in POINTS:
        case = f"killed {point}"
        stage.sell(case, DOOMED_MAILS)
        send_due_invitations(now=database_now())
        stage.answer(case, DOOMED_MAILS)
        victim = stage.doomed(point)
        assert victim.process
        assert victim.process.wait(60) == -9, victim.last_words()
        stage.children.remove(victim)
        stage.put_off(case)
    workers = [*start_workers(stage, 2), stage.beat()]
    for point in POINTS:
        yield stage.settle(f"killed {point}", 2 * DOOMED_MAILS)
    stop_all(stage, workers)


def changed_minds(stage: Stage, size: int) -> Iterator[Outcome]:
    """Half unsubscribe and half get their money back while a worker has their mails in its hands."""
    case = "changed minds"
    stage.sell(case, size)
    send_due_invitations(now=database_now())
    folder = stage.folder / "changed-minds"
    folder.mkdir()
    worker = stage.doomed("", folder)
    assert wait_until((folder / "claimed").exists, seconds=60), worker.last_words()
    now = database_now()
    for mail in stage.mails(case)[::2]:
        unsubscribe(mail, scope=OutgoingMail.SURVEYS, source="chaos", now=now)
    unhappy = [mail.to_address for mail in stage.mails(case)[1::2]]
    for purchase in Purchase.objects.filter(customer__email__in=unhappy).select_related("brand", "customer"):
        take_refund(purchase, external_id="all", amount=Decimal("10.00"), reason="", refunded_at=now, now=now)
    (folder / "go-on").touch()
    assert worker.process
    worker.process.wait(60)
    yield stage.settle(case, 0)


def killed_at_random(stage: Stage, size: int) -> Iterator[Outcome]:
    case = "killed at random"
    stage.sink.delay = 0.05
    workers, beat = start_workers(stage, 3), stage.beat()
    stage.sell(case, size)
    stage.answer(case, size // 4)
    due = size + size // 4
    for _ in range(3):
        begun = len(stage.sink.taken)
        wait_until(lambda begun=begun: len(stage.sink.taken) > begun + due // 10, seconds=15)  # type: ignore[misc]
        victim = stage.random.choice(workers)
        stage.kill(victim)
        workers.remove(victim)
        workers.append(stage.worker())
    yield stage.settle(case, due)
    stage.sink.delay = 0.0
    stop_all(stage, [*workers, beat])


def services_gone(stage: Stage, size: int) -> Iterator[Outcome]:
    """With two workers and, by mistake, two beats."""
    programs = [*start_workers(stage, 2), stage.beat(), stage.beat()]
    stage.sink.delay = 0.05
    for case, harm in {
        "Redis killed and emptied": kill_valkey,
        "PostgreSQL restarted": restart_postgres,
        "mail server gone": leave_for_a_while,
    }.items():
        stage.sell(case, size)
        begun = len(stage.sink.taken)
        wait_until(lambda begun=begun: len(stage.sink.taken) > begun, seconds=15)  # type: ignore[misc]
        harm(stage)
        yield stage.settle(case, size)
    stop_all(stage, programs)


def kill_valkey(stage: Stage) -> None:
    assert stage.valkey.child.process
    stage.valkey.child.process.kill()
    stage.valkey.child.process.wait()
    stage.valkey.start()


def restart_postgres(stage: Stage) -> None:
    stage.postgres.child.stop()
    stage.postgres.start()


def leave_for_a_while(stage: Stage) -> None:
    stage.sink.go()
    time.sleep(3)
    stage.sink.come()


def servers_that_lie(stage: Stage, size: int) -> Iterator[Outcome]:
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
    stage.sink.cuts = size // 4
    stage.sell("cut after DATA", size)
    stage.answer("cut after DATA", size // 4)
    yield stage.settle("cut after DATA", size + size // 4)
    stage.sink.cuts = 0
    stop_all(stage, programs)


ALL: list[Case] = [changed_minds, killed_at_each_point, killed_at_random, services_gone, servers_that_lie]


def start_workers(stage: Stage, count: int) -> list[Child]:
    return [stage.worker() for _ in range(count)]


def stop_all(stage: Stage, programs: list[Child]) -> None:
    for program in programs:
        stage.kill(program)
