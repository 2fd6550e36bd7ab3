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
from unslow.lab.target import Lab, Running
from unslow.lab.workload import Call
from unslow.progress import Progress

MOST_LOOKS = 3  # per baseline: the clock moves on, the code does not change
MOST_INSPECTIONS = 8  # of what a patch leaves behind, beside a run of the original
AGAIN = "A again"

SignIn = Callable[[Running], Headers]
Result = TypeVar("Result")


@dataclass
class SecondLook:
    """Learns noise that two runs at one time could not show.

    A and A' run side by side, so that a clock of minutes, a counter of the day, an order by chance
    are equal in both, and differ in a patched run that comes later. `calls` are those of the
    baseline in their order, `judge` the comparison that they teach.
    """

    lab: Lab
    calls: Sequence[Call]
    judge: Equivalence
    sign_in: SignIn | None = None
    looks: int = 0
    inspections: int = 0
    _order_known: bool = False
    _looked_at: float = 0.0
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
            elif self.inspections >= MOST_INSPECTIONS:
                return None
            else:
                self.inspections += 1
            self._looked_at = time.monotonic()
            return self._run(progress, inspect)

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
        progress.step("the original once more", 0)
        try:
            running = self.lab.launch(self.lab.tree(), AGAIN, record="light")
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
