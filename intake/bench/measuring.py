"""Two ways of doing the same, measured side by side: how many a second, at what cost in processor and memory."""

import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

Work = Callable[[], int]  # does something so many times


@dataclass(frozen=True)
class Measure:
    """Of one round. `cpu`: processor seconds a thousand, ours and the database's for us."""

    rate: float  # a second
    cpu: float


@dataclass(frozen=True)
class Comparison:
    """A row of the report: ours against a limit or a peer, over the rounds. `memory`: the most we had, in MB."""

    what: str
    against: str
    floor: float
    aim: float
    ours: Sequence[Measure]
    theirs: Sequence[Measure]
    memory: float

    @property
    def ratios(self) -> list[float]:
        return [our.rate / their.rate for our, their in zip(self.ours, self.theirs, strict=True)]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def ratio_of_cpu(self) -> float:
        """The same by work done for a second of processor: on a busy machine the fairer of the two."""
        ratios = [their.cpu / our.cpu for our, their in zip(self.ours, self.theirs, strict=True) if our.cpu]
        return statistics.median(ratios) if ratios else 0.0

    @property
    def verdict(self) -> str:
        return "aim" if self.ratio >= self.aim else "floor" if self.ratio >= self.floor else "below"


@dataclass(frozen=True)
class Contest:
    """What is compared. Both have a turn in each round, so that what slows the machine slows both.

    The first turn of each is not counted: it fills caches and compiles templates.
    """

    what: str
    against: str
    floor: float
    aim: float
    ours: Work
    theirs: Work

    def run(self, *, rounds: int) -> Comparison:
        turns = [(measure(self.ours), measure(self.theirs)) for _round in range(rounds + 1)]
        ours, theirs = zip(*turns[1:], strict=True)
        return Comparison(self.what, self.against, self.floor, self.aim, ours, theirs, peak_memory())


Area = Callable[[int], Iterator[Contest]]  # its contests, at a size


def measure(work: Work) -> Measure:
    started, cpu = time.perf_counter(), cpu_seconds()
    count = work()
    return Measure(count / (time.perf_counter() - started), 1000 * (cpu_seconds() - cpu) / count)


def cpu_seconds() -> float:
    return time.process_time() + cpu_of_database()


def cpu_of_database() -> float:
    """Of the process that serves our connection; 0 where it cannot be seen (no Linux, another machine)."""
    connection.ensure_connection()
    try:
        numbers = Path(f"/proc/{connection.connection.info.backend_pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    user, system = numbers[11:13]
    return (int(user) + int(system)) / 100


def peak_memory() -> float:
    """Megabytes; macOS counts bytes where Linux counts kilobytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024) if sys.platform == "darwin" else peak / 1024
