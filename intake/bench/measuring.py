"""Two ways of doing the same, measured side by side: how many a second, at what cost in processor and memory."""

import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.db import connection

# Does something: how many times, or how many seconds each request took, by method.
Work = Callable[[], int | Mapping[str, Sequence[float]]]
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measure:
    """Of one round. `cpu`: processor milliseconds each, of all who worked for it but the one who asked."""

    rate: float  # a second
    cpu: float
    p50: Mapping[str, float] = field(default_factory=dict)  # milliseconds by method
    p95: Mapping[str, float] = field(default_factory=dict)


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
        return self._verdict_of(self.ratio)

    @property
    def verdict_of_cpu(self) -> str:
        """A dash where processes cannot be seen."""
        return self._verdict_of(self.ratio_of_cpu) if self.ratio_of_cpu else "–"

    def _verdict_of(self, ratio: float) -> str:
        return "aim" if ratio >= self.aim else "floor" if ratio >= self.floor else "below"


def nothing() -> None:
    pass


@dataclass(frozen=True)
class Contest:
    """What is compared. Both have a turn in each round, so that what slows the machine slows both.

    The first turn of each is not counted: it fills caches and compiles templates. `prepare` is called before each turn
    of ours, and not counted.
    """

    what: str
    against: str
    floor: float
    aim: float
    ours: Work
    theirs: Work
    prepare: Callable[[], object] = nothing
    rounds: int | None = None  # no more, where each takes long

    def run(self, *, rounds: int) -> Comparison:
        turns = [self._turn() for _round in range(min(rounds, self.rounds or rounds) + 1)]
        ours, theirs = zip(*turns[1:], strict=True)
        return Comparison(self.what, self.against, self.floor, self.aim, ours, theirs, peak_memory())

    def _turn(self) -> tuple[Measure, Measure]:
        self.prepare()
        return measure(self.ours), measure(self.theirs)


@dataclass(frozen=True)
class Reading:
    """Something that has no other side: it should be at most `floor`, better at most `aim`."""

    what: str
    value: float
    unit: str
    floor: float
    aim: float

    @property
    def verdict(self) -> str:
        return "aim" if self.value <= self.aim else "floor" if self.value <= self.floor else "above"


@dataclass(frozen=True)
class Skipped:
    """What cannot be compared here, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class Spent:
    """What measuring an area took: processor seconds of all who worked; the most memory until then, in MB.

    `others`: so many processors had other work meanwhile, whose figures by the clock are not ours alone.
    """

    area: str
    seconds: float
    cpu: float
    memory: float
    memory_of_children: float
    others: float


Area = Callable[[int], Iterator[Contest | Reading | Skipped]]  # its contests, at a size


@contextmanager
def noting_cost(area: str, spent: list[Spent]) -> Iterator[None]:
    started, cpu, busy = time.perf_counter(), cpu_of_all(), cpu_of_machine()
    yield
    seconds, cpu, busy = time.perf_counter() - started, cpu_of_all() - cpu, cpu_of_machine() - busy
    of_children = megabytes(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
    spent.append(Spent(area, seconds, cpu, peak_memory(), of_children, max(0.0, busy - cpu) / seconds))


def measure(work: Work) -> Measure:
    started, process, thread, others = time.perf_counter(), time.process_time(), time.thread_time(), cpu_of_others()
    done = work()
    seconds, others = time.perf_counter() - started, cpu_of_others() - others
    if isinstance(done, int):
        return Measure(done / seconds, 1000 * (others + time.process_time() - process) / done)
    # Who asks sits in threads of their own, which do not count.
    cpu = others + time.thread_time() - thread
    count = max(len(each) for each in done.values())
    p50, p95 = ({method: 1000 * quantile(each, share) for method, each in done.items()} for share in (0.50, 0.95))
    return Measure(count / seconds, 1000 * cpu / count, p50, p95)


def quantile(values: Sequence[float], share: float) -> float:
    """The least value that is not exceeded by this share of them."""
    return sorted(values)[max(0, -int(-share * len(values) // 1) - 1)]


def cpu_of_all() -> float:
    """Of this process, of those it has started, whether or not they have ended, and of the database, in seconds."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime + cpu_of_others()


def cpu_of_machine() -> float:
    """Of all that runs on it, and of what its host took away, in seconds since it started; 0 where it is not told."""
    try:
        # user, nice, system, idle, iowait, irq, softirq, steal
        told = [int(ticks) for ticks in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    except OSError:
        return 0.0
    return (sum(told) - sum(told[3:5])) / TICKS


def cpu_of_others() -> float:
    """Of the processes we have started and of the database, in seconds; 0 where they cannot be seen (no Linux)."""
    return cpu_of_family(os.getpid(), with_root=False) + cpu_of_database()


def cpu_of_database() -> float:
    """Of the server with all its processes: ours is a small one, and all of them work for us."""
    connection.ensure_connection()
    backend = _stat(connection.connection.info.backend_pid)
    return cpu_of_family(int(backend[1])) if backend else 0.0


def cpu_of_family(root: int, *, with_root: bool = True) -> float:
    """Seconds of a process and its descendants, of those that have ended as well."""
    stats = {pid: stat for path in Path("/proc").glob("[0-9]*") if (stat := _stat(pid := int(path.name)))}
    members = {root}
    while more := {pid for pid, stat in stats.items() if int(stat[1]) in members} - members:
        members |= more
    ticks = sum(sum(map(int, stats[pid][11:15])) for pid in members if pid in stats and (with_root or pid != root))
    return ticks / TICKS


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name: state, parent, …"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def peak_memory() -> float:
    """Of this process until now, in MB."""
    return megabytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def megabytes(maxrss: int) -> float:
    """macOS counts bytes where Linux counts kilobytes."""
    return maxrss / (1024 * 1024) if sys.platform == "darwin" else maxrss / 1024
