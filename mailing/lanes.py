"""As many connections as the server's slowness makes worthwhile, each with one mail in flight.

A fast server is served by one: another is opened while a conversation takes longer than that costs. The threads here
speak to the mail server alone; the ledger is the caller's, so that its connection and its order stay in one hand.

All of them take from one line. In it stands no more than they are likely to begin within AHEAD_SECONDS, by the time
that the last conversations took, and no more than have ended quickly in a row: so a fast server's next mail need not
wait for the caller, and behind a slow one nothing waits. What nobody has begun can be taken back.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

from mailing.transport import Transport, Unreachable, open_transport

Job = TypeVar("Job")
Result = TypeVar("Result")

AHEAD_SECONDS = 0.05
MOST_AHEAD = 50  # jobs, however fast they go
SLOW = 0.005  # seconds of a conversation, or without news, after which one more connection is worth its opening
STALLED = 1.0  # seconds without news after which nobody knows when the line will move on
NAP = 0.002  # seconds for which news gather, so that not each wakes the caller
WEIGHT_OF_LAST = 0.2  # conversation, in how long they usually take


@dataclass(frozen=True)
class Opened:
    """One more takes from the line."""


@dataclass(frozen=True)
class Done(Generic[Result]):
    result: Result
    seconds: float


@dataclass(frozen=True)
class Gone:
    lane: Thread
    error: Exception
    was_open: bool
    was_busy: bool


class Lane(Thread, Generic[Job, Result]):
    """One connection, and one job at a time."""

    def __init__(self, lanes: "Lanes[Job, Result]") -> None:
        super().__init__(daemon=True)
        self.lanes = lanes

    def run(self) -> None:
        news, was_open, is_busy = self.lanes.news, False, False
        try:
            with open_transport() as transport:
                transport.open()
                news.put(Opened())
                was_open = True
                while (job := self.lanes.line.get()) is not None:
                    is_busy, began = True, time.monotonic()
                    result = self.lanes.work(job, transport)
                    news.put(Done(result, time.monotonic() - began))
                    is_busy = False
                    transport.open()  # before it takes the next: the server may be gone
        except Exception as error:  # whatever it is: the caller waits for an answer, and raises it
            news.put(Gone(self, error, was_open=was_open, was_busy=is_busy))


class Lanes(Generic[Job, Result]):
    """To be closed, which waits for what is in hand."""

    def __init__(self, work: Callable[[Job, Transport], Result], *, most: int) -> None:
        self.work = work
        self.most = most
        self.line: SimpleQueue[Job | None] = SimpleQueue()
        self.news: SimpleQueue[Opened | Done[Result] | Gone] = SimpleQueue()
        self.all: list[Thread] = []
        self.open = 0
        self.in_hand = 0  # in the line or begun
        self.usual = 0.0  # seconds of a conversation; 0: there was none yet
        self.quick_in_a_row = 0
        self.is_stalled = False
        self.fault: Exception | None = None

    @property
    def room(self) -> int:
        """How many more may be started now. Rather none than a few, as long as everybody has something to do."""
        ahead = int(self.open * AHEAD_SECONDS / self.usual) if self.usual else 0
        most = max(self.open, min(ahead, self.quick_in_a_row, MOST_AHEAD))
        has_enough = self.in_hand >= self.open and self.in_hand > most // 2
        return 0 if has_enough else most - self.in_hand

    def start(self, job: Job) -> None:
        self.in_hand += 1
        self.line.put(job)

    def wait(self, *, for_room: bool) -> list[Result]:
        """What has ended since, perhaps nothing. `for_room`: there is more to be started.

        Unreachable: no connection is left. Where some are, a server that allows no more is content with these.
        """
        if self.fault:
            raise self.fault
        if for_room and not self.all:
            self._open_one()
        may_grow = self._may_grow(for_room=for_room)
        news = self._gather(seconds=SLOW if may_grow else STALLED)
        self.is_stalled = not news and not may_grow
        if self.is_stalled:
            self.quick_in_a_row = 0
        if may_grow and (not news or self.usual > SLOW):
            self._open_one()
        return self._take_in(news)

    def take_back(self) -> list[Job]:
        """What nobody has begun, and now nobody will."""
        jobs: list[Job] = []
        while not self.line.empty():
            try:
                job = self.line.get_nowait()
            except Empty:  # a lane was quicker
                break
            if job is not None:
                jobs.append(job)
        self.in_hand -= len(jobs)
        return jobs

    def rest(self) -> list[Result]:
        """The results of what was begun, for a caller that starts no more."""
        results = []
        while self.in_hand:
            results += self._take_in(self._gather(seconds=None))
        return results

    def _gather(self, *, seconds: float | None) -> "list[Opened | Done[Result] | Gone]":
        try:
            news = [self.news.get(timeout=seconds)]
        except Empty:
            return []
        time.sleep(NAP)
        while not self.news.empty():
            news.append(self.news.get())
        return news

    def _take_in(self, news: "list[Opened | Done[Result] | Gone]") -> list[Result]:
        results = []
        for each in news:
            match each:
                case Opened():
                    self.open += 1
                case Done(result, seconds):
                    self.in_hand -= 1
                    self.usual += (seconds - self.usual) * (WEIGHT_OF_LAST if self.usual else 1)
                    self.quick_in_a_row = self.quick_in_a_row + 1 if seconds < AHEAD_SECONDS else 0
                    results.append(result)
                case Gone(lane, error, was_open, was_busy):
                    self.all.remove(lane)
                    self.open -= was_open
                    self.in_hand -= was_busy
                    self._bear(error)
        return results

    def _bear(self, error: Exception) -> None:
        if isinstance(error, Unreachable) and self.all:
            self.most = len(self.all)
        else:
            self.fault = error  # raised when the results that came with it have been taken

    def _may_grow(self, *, for_room: bool) -> bool:
        """Not more at a time than there are at work, so that a silent server is not asked by all of them at once."""
        opening = len(self.all) - self.open
        has_work = self.in_hand >= self.open + opening and (for_room or not self.line.empty())
        return has_work and opening < self.open and len(self.all) < self.most

    def _open_one(self) -> None:
        lane = Lane(self)
        self.all.append(lane)
        lane.start()

    def close(self) -> None:
        for _lane in self.all:
            self.line.put(None)
        for lane in self.all:
            lane.join()
