"""What one request did with its time: its stacks, and the functions that took most of it."""

import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

TOP = 50
WAITING = "[await]"  # stands below the function that waits, as in pyinstrument's call trees


class Place(NamedTuple):
    """A line at work, in a function."""

    function: str
    path: str
    first_line: int
    line: int


class Sample(NamedTuple):
    """A stretch of time in one stack, outermost first."""

    thread: str
    stack: tuple[Place, ...]
    is_waiting: bool
    seconds: float


@dataclass(frozen=True)
class Profile:
    """A request and its samples in the order of time; together they last as long as it did."""

    method: str
    path: str
    status: int
    started: float  # seconds since the epoch
    seconds: float
    cpu_seconds: float  # of the whole process
    looks: int
    samples: tuple[Sample, ...]

    @property
    def title(self) -> str:
        return f"{self.method} {self.path} answered {self.status} in {self.seconds * 1000:.1f} ms"

    @property
    def summary(self) -> str:
        names = sorted({sample.thread for sample in self.samples})
        pause = self.seconds * 1000 / self.looks if self.looks else 0.0
        looks = (
            f"{self.looks} looks, one every {pause:.1f} ms, at {', '.join(names) or 'no thread'}"
            if self.looks
            else "No look: the request was over before the first"
        )
        return (
            f"{looks}; "
            f"the process used {self.cpu_seconds * 1000:.1f} ms of CPU meanwhile. Only this "
            "request's own work is in the profile. Where several of its threads or tasks were at "
            "work at once, they share the time."
        )


class Spent(NamedTuple):
    """What a function took by itself, and with all that it called."""

    function: str
    place: str
    own: float
    total: float


def functions(samples: Iterable[Sample]) -> list[Spent]:
    """Every function, the one that took most first, before those that only called it.

    Recursion counts once.
    """
    own: dict[tuple[str, str], float] = defaultdict(float)
    total: dict[tuple[str, str], float] = defaultdict(float)
    depth: dict[tuple[str, str], int] = defaultdict(int)
    for sample in samples:
        names = [(place.function, f"{place.path}:{place.first_line}") for place in sample.stack]
        if sample.is_waiting:
            names.append((WAITING, ""))
        for name, level in {name: level for level, name in enumerate(names)}.items():
            total[name] += sample.seconds
            depth[name] = max(depth[name], level)
        if names:
            own[names[-1]] += sample.seconds
    found = (Spent(*name, own[name], seconds) for name, seconds in total.items())
    return sorted(found, key=lambda spent: (-spent.total, -depth[spent.function, spent.place]))


def text(profile: Profile) -> str:
    """The functions that took most, those they called included, as a table."""
    return "\n".join(_lines(profile)) + "\n"


def _lines(profile: Profile) -> Iterator[str]:
    whole = sum(sample.seconds for sample in profile.samples) or 1.0
    spent = functions(profile.samples)
    yield profile.title
    yield profile.summary
    yield ""
    yield f"{'total ms':>10} {'%':>5} {'self ms':>10} {'%':>5}  function"
    for one in spent[:TOP]:
        yield (
            f"{one.total * 1000:10.1f} {one.total / whole * 100:5.1f} "
            f"{one.own * 1000:10.1f} {one.own / whole * 100:5.1f}  "
            f"{one.function}  {_short(one.place)}"
        ).rstrip()
    if len(spent) > TOP:
        yield f"and {len(spent) - TOP} more functions"


def _short(place: str) -> str:
    """The place without the folder that it was imported from."""
    folders = (f"{folder.rstrip(os.sep)}{os.sep}" for folder in (*sys.path, os.getcwd()) if folder)
    found = max((one for one in folders if place.startswith(one)), key=len, default="")
    return place[len(found) :]
