"""Asks the original once more before a patch is called different: what moved by itself is noise."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from unslow.errors import UnslowError
from unslow.lab.prove import ordering
from unslow.lab.prove.equivalence import Equivalence
from unslow.lab.prove.replay import Headers, play
from unslow.lab.target import Lab, Running, Start
from unslow.lab.workload import Call
from unslow.progress import Progress

MOST_LOOKS = 3  # per baseline: the clock moves on, the code does not change
RUN_AGAIN = "A again"

SignIn = Callable[[Running], Headers]
Result = TypeVar("Result")


@dataclass
class SecondLook:
    """Learns noise that two runs at one time could not show.

    A and A' run side by side, so that a clock of minutes, a counter of the day, an order by chance
    are equal in both, and differ in a patched run that comes later. `calls` are those of the
    baseline in their order with the `seconds` that they took, `judge` the comparison that they
    teach. A look that would exceed `budget_s`, all looks together, is not taken.
    """

    lab: Lab
    start: Start
    calls: Sequence[Call]
    judge: Equivalence
    seconds: Sequence[float]
    budget_s: float
    launch_s: float = 0.0
    sign_in: SignIn | None = None
    looks: int = 0
    _order_known: bool = False
    _looked_at: float = 0.0
    _has_run: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def learn(
        self,
        since: float,
        progress: Progress,
        inspect: Callable[[Running], Result] | None = None,
    ) -> Result | None:
        """Runs the original again unless that was done after `since` (`time.monotonic()`).

        Returns what `inspect` finds in the application that has just run; None where it did not.
        """
        with self._lock:
            if inspect is None:
                if self.looks >= MOST_LOOKS or self._looked_at > since:
                    return None
                self.looks += 1
            started = time.monotonic()
            found = self._run(progress, inspect)
            if self._has_run:
                self._looked_at = started
            return found

    def learn_order(self, progress: Progress) -> None:
        """Runs the original on the same rows in another order, once."""
        with self._lock:
            if not self._order_known:
                self._order_known = True
                self._run(progress, None, shuffled=True)

    def _run(
        self,
        progress: Progress,
        inspect: Callable[[Running], Result] | None,
        *,
        shuffled: bool = False,
    ) -> Result | None:
        self._has_run = self.launch_s + sum(self.seconds) <= self.budget_s
        if not self._has_run:
            return None
        progress.step("the original once more", 0)
        started = time.monotonic()
        try:
            one = self.start
            running = self.lab.launch(one.tree, one.arm, record="light", sql=one.sql)
        except UnslowError:
            return None
        try:
            headers = self.sign_in(running) if self.sign_in else {}
            if shuffled and not ordering.shuffle(running.databases):
                return None
            played = play(running, headers, self.calls, progress).answers
            if shuffled:
                self.judge.learn_order(played)
            else:
                self.judge.learn(played)
            return inspect(running) if inspect else None
        except OSError:
            return None
        finally:
            running.stop()
            self.budget_s -= time.monotonic() - started
