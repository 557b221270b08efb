"""As many connections as the server's slowness makes worthwhile, each with at most one mail in flight.

A fast server is served by one: a second is opened when an answer takes longer than that costs. The threads here speak
to the mail server alone; the ledger is the caller's, so that its connection and its order stay in one hand.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

from mailing.transport import Transport, Unreachable, open_transport

Result = TypeVar("Result")
Job = Callable[[Transport], Result]

SLOW = 0.005  # seconds without news after which one more connection is worth its opening


class Lane(Thread, Generic[Result]):
    """One connection. Says when it is free, and does one job at a time."""

    def __init__(self, news: "SimpleQueue[Free[Result] | Gone[Result] | Done[Result]]") -> None:
        super().__init__(daemon=True)
        self.news = news
        self.jobs: SimpleQueue[Job[Result] | None] = SimpleQueue()

    def run(self) -> None:
        is_busy = False
        try:
            with open_transport() as transport:
                while True:
                    transport.open()
                    self.news.put(Free(self))
                    job = self.jobs.get()
                    if job is None:
                        return
                    is_busy = True
                    self.news.put(Done(job(transport)))
                    is_busy = False
        except Exception as error:  # whatever it is: the caller waits for an answer, and raises it
            self.news.put(Gone(self, error, was_busy=is_busy))


@dataclass(frozen=True)
class Free(Generic[Result]):
    lane: Lane[Result]


@dataclass(frozen=True)
class Done(Generic[Result]):
    result: Result


@dataclass(frozen=True)
class Gone(Generic[Result]):
    lane: Lane[Result]
    error: Exception
    was_busy: bool


class Lanes(Generic[Result]):
    """To be closed, which waits for what is in flight."""

    def __init__(self, *, most: int) -> None:
        self.most = most
        self.news: SimpleQueue[Free[Result] | Gone[Result] | Done[Result]] = SimpleQueue()
        self.all: list[Lane[Result]] = []
        self.free: list[Lane[Result]] = []
        self.in_flight = 0

    def start(self, job: Job[Result]) -> None:
        """On a free lane, of which there must be one."""
        self.in_flight += 1
        self.free.pop().jobs.put(job)

    def wait(self, *, for_lane: bool) -> Result | None:
        """The result of a job, or None after other news; `for_lane`: another job is waiting to be started.

        Unreachable: no connection is left. Where some are, a server that allows no more is content with these.
        """
        if for_lane and not self.all:
            self._open_one()
        may_grow = for_lane and self._is_worth_another()
        try:
            news = self.news.get(timeout=SLOW if may_grow else None)
        except Empty:
            self._open_one()
            return None
        match news:
            case Done(result):
                self.in_flight -= 1
                return result
            case Free(lane):
                self.free.append(lane)
            case Gone(lane, error, was_busy):
                self.in_flight -= was_busy
                self._forget(lane, error)
        return None

    def rest(self) -> Iterator[Result]:
        """The results of what is in flight, for a caller that starts no more."""
        while self.in_flight:
            match self.news.get():
                case Done(result):
                    self.in_flight -= 1
                    yield result
                case Gone(lane, _, was_busy):
                    self.in_flight -= was_busy
                    self.all.remove(lane)

    def _is_worth_another(self) -> bool:
        """Not more at a time than there are at work, so that a silent server is not asked by all of them at once."""
        opening = len(self.all) - self.in_flight - len(self.free)
        return len(self.all) < self.most and opening < self.in_flight

    def _open_one(self) -> None:
        lane: Lane[Result] = Lane(self.news)
        self.all.append(lane)
        lane.start()

    def _forget(self, lane: Lane[Result], error: Exception) -> None:
        self.all.remove(lane)
        if not isinstance(error, Unreachable) or not self.all:
            raise error
        self.most = len(self.all)

    def close(self) -> None:
        for lane in self.all:
            lane.jobs.put(None)
        for lane in self.all:
            lane.join()
