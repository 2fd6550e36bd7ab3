"""Counts stacks by the route that they were seen in, in memory of a fixed size."""

import time
from collections import Counter
from types import CodeType, FrameType
from typing import NamedTuple

from unslow.kit._profile import Place
from unslow.observe._record import RequestRecord

MAX_STACKS = 10_000  # with 60 places each, 5 MB
MAX_PLACES = 50_000
MAX_OPEN = 1000  # requests under way whose route is not known yet
MAX_DEPTH = 128
NO_ROUTE = "(no route)"
NO_REQUEST = "(no request)"
OTHERS = Place("(stacks that were not kept)", "", 0, 0)
DEEPER = Place("(calls above)", "", 0, 0)
_OTHERS, _DEEPER = 0, 1  # as numbers

Numbers = tuple[int, ...]


class Counted(NamedTuple):
    """A stack, outermost first, and how often it was seen in requests of a route."""

    route: str
    stack: tuple[Place, ...]
    looks: int


class Snapshot(NamedTuple):
    """What was counted between two moments, with one look every `period_s` seconds."""

    started: float  # seconds since the epoch
    seconds: float
    period_s: float
    counted: tuple[Counted, ...]


class Stacks:
    """Stacks by route. One thread adds; another may take a snapshot."""

    def __init__(self, hz: float) -> None:
        self._hz = hz
        self._started = time.time()
        self._from = time.perf_counter()
        self._ended: float | None = None
        self._looks = 0
        self._counts: Counter[tuple[str, Numbers]] = Counter()
        self._open: dict[int, tuple[RequestRecord, Counter[Numbers]]] = {}
        self._places: list[Place] = [OTHERS, DEEPER]
        self._numbers: dict[tuple[int, int], int] = {}  # by code and line
        self._quick: dict[tuple[int, int], int] = {}  # by code and instruction: no line to look up
        self._codes: dict[int, CodeType] = {}  # kept, so that no other takes the same identity

    def add(self, record: RequestRecord | None, frames: list[FrameType]) -> None:
        """Count a stack, innermost first."""
        numbers = self._stack(frames)
        if record is None:
            self._count(NO_REQUEST, numbers, 1)
        elif record.closed or (id(record) not in self._open and len(self._open) >= MAX_OPEN):
            self._count(_route(record), numbers, 1)
        else:
            self._open.setdefault(id(record), (record, Counter()))[1][numbers] += 1

    def open_request(self, number: str) -> RequestRecord | None:
        """The request under way with this number, if it was seen before."""
        return next((one for one, _ in self._open.values() if one.id == number), None)

    def looked(self) -> None:
        """A look is over: what belongs to requests that have ended goes to their routes."""
        self._looks += 1
        for key in [key for key, (record, _) in self._open.items() if record.closed]:
            self._settle(*self._open.pop(key))

    def end(self) -> None:
        self._ended = time.perf_counter()
        for key in list(self._open):
            self._settle(*self._open.pop(key))

    def snapshot(self) -> Snapshot:
        seconds = (self._ended or time.perf_counter()) - self._from
        counts = Counter(dict(self._counts.copy()))
        for record, counted in list(self._open.values()):
            for numbers, looks in list(counted.items()):
                counts[_route(record), numbers] += looks
        return Snapshot(
            started=self._started,
            seconds=seconds,
            period_s=seconds / self._looks if self._looks else 1 / self._hz,
            counted=tuple(
                Counted(route, tuple(self._places[number] for number in numbers), looks)
                for (route, numbers), looks in counts.most_common()
            ),
        )

    def _settle(self, record: RequestRecord, counted: "Counter[Numbers]") -> None:
        for numbers, looks in counted.items():
            self._count(_route(record), numbers, looks)

    def _count(self, route: str, numbers: Numbers, looks: int) -> None:
        key = (route, numbers)
        if key not in self._counts and len(self._counts) >= MAX_STACKS:
            key = (NO_ROUTE, (_OTHERS,))
        self._counts[key] += looks

    def _stack(self, frames: list[FrameType]) -> Numbers:
        kept = [self._number(frame) for frame in frames[:MAX_DEPTH]]
        if len(frames) > MAX_DEPTH:
            kept.append(_DEEPER)
        return tuple(reversed(kept))

    def _number(self, frame: FrameType) -> int:
        key = (id(frame.f_code), frame.f_lasti)
        number = self._quick.get(key)
        if number is None:
            number = self._place(frame)
            if number != _OTHERS and len(self._quick) < MAX_PLACES:
                self._quick[key] = number
        return number

    def _place(self, frame: FrameType) -> int:
        code, line = frame.f_code, frame.f_lineno or 0
        key = (id(code), line)
        number = self._numbers.get(key)
        if number is None:
            if len(self._places) >= MAX_PLACES:
                return _OTHERS
            number = self._numbers[key] = len(self._places)
            self._codes[id(code)] = code
            self._places.append(
                Place(code.co_qualname, code.co_filename, code.co_firstlineno, line)
            )
        return number


def _route(record: RequestRecord) -> str:
    return f"{record.method} {record.route}" if record.route else NO_ROUTE
