"""Keeps what was seen of late, and wakes those who wait for more."""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

from unslow.lab.live._told import Found, Row, Teller
from unslow.lab.target import Description
from unslow.model import Request

MOST_REQUESTS = 500
MOST_QUERIES = 50_000  # of all kept requests together; some 100 MB
MOST_EVENTS = 2000  # that a page may lag behind before it is told everything anew
MOST_EVENT_BYTES = 8_000_000  # of them together; findings are told whole each time
MOST_OPEN = 200  # requests that have begun and not ended
MOST_ERRORS = 20


class Begun(msgspec.Struct, frozen=True):
    """A request under way; `at` in seconds since the epoch."""

    id: str
    at: float
    method: str
    path: str


class State(msgspec.Struct, frozen=True):
    """The application as far as it is known."""

    command: str
    root: str
    framework: str = ""
    database: str = ""
    python: str = ""
    processes: int = 0
    served: int = 0
    starts: int = 0
    ended: str = ""
    errors: tuple[str, ...] = ()
    analysing: str = ""


class Snapshot(msgspec.Struct, frozen=True):
    """All that a page needs to begin with."""

    state: State
    rows: tuple[Row, ...]
    open: tuple[Begun, ...]
    findings: tuple[Found, ...]


@dataclass(frozen=True)
class Kept:
    request: Request
    at: float


class Seen:
    """What the application has told; safe to use from several threads."""

    def __init__(self, state: State, teller: Teller) -> None:
        self.description = Description()
        self._state = state
        self._teller = teller
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._rows: dict[str, Row] = {}
        self._queries = 0
        self._open: OrderedDict[str, Begun] = OrderedDict()
        self._findings: tuple[Found, ...] = ()
        self._events: deque[tuple[int, bytes]] = deque()
        self._event_bytes = 0
        self._number = 0
        self._closed = False
        self._changed = threading.Condition()

    @property
    def starts(self) -> int:
        """How many processes have reported."""
        return self._state.starts

    def began(self, begun: Begun) -> None:
        with self._changed:
            self._open[begun.id] = begun
            if len(self._open) > MOST_OPEN:
                self._open.popitem(last=False)
            self._tell("begun", begun)

    def ended(self, request: Request) -> None:
        begun = self._open.get(request.id)
        at = begun.at if begun else time.time() - request.duration_ms / 1000
        row = self._teller.row(request, at)
        with self._changed:
            self._open.pop(request.id, None)
            self._keep(Kept(request, at), row)
            self._state = msgspec.structs.replace(self._state, served=self._state.served + 1)
            self._tell("request", row)

    def changed(self, **fields: object) -> None:
        """Fields of the state have new values."""
        with self._changed:
            state = msgspec.structs.replace(self._state, **fields)
            if state != self._state:
                self._state = state
                self._tell("state", state)

    def process(self, pid: int, count: int, *, is_new: bool) -> None:
        """A process has come, or gone with its requests."""
        self.changed(processes=count, starts=self._state.starts + is_new)

    def failed(self, error: str) -> None:
        """The recorder could not do something."""
        if len(self._state.errors) < MOST_ERRORS:
            self.changed(errors=(*self._state.errors, error))

    def forget(self) -> None:
        """Begin anew, as the page asks."""
        with self._changed:
            self._kept.clear()
            self._rows.clear()
            self._queries, self._findings = 0, ()
            self._tell("snapshot", self._snapshot())

    def found(self, findings: Sequence[Found]) -> None:
        with self._changed:
            if tuple(findings) != self._findings:
                self._findings = tuple(findings)
                self._tell("findings", self._findings)

    def request(self, id: str) -> Kept | None:
        with self._changed:
            return self._kept.get(id)

    def requests(self) -> tuple[Request, ...]:
        with self._changed:
            return tuple(kept.request for kept in self._kept.values())

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def follow(self, patience_s: float) -> Iterator[bytes]:
        """Server-sent events: everything there is, then what happens; b"" when nothing does."""
        with self._changed:
            at = self._number
            first = _event("snapshot", self._snapshot())
        yield first
        while True:
            with self._changed:
                self._changed.wait_for(partial(self._is_after, at), patience_s)
                if self._closed:
                    return
                missed = self._number - at
                if missed > len(self._events):
                    news = [_event("snapshot", self._snapshot())]
                else:
                    news = [event for number, event in self._events if number > at]
                at = self._number
            yield b"".join(news)

    def _is_after(self, number: int) -> bool:
        return self._closed or self._number > number

    def _keep(self, kept: Kept, row: Row) -> None:
        self._forget(kept.request.id)
        self._kept[kept.request.id] = kept
        self._rows[row.id] = row
        self._queries += len(kept.request.queries)
        while len(self._kept) > 1 and (
            len(self._kept) > MOST_REQUESTS or self._queries > MOST_QUERIES
        ):
            self._forget(next(iter(self._kept)))

    def _forget(self, id: str) -> None:
        kept = self._kept.pop(id, None)
        if kept is not None:
            self._queries -= len(kept.request.queries)
            del self._rows[id]

    def _snapshot(self) -> Snapshot:
        rows = tuple(self._rows[id] for id in self._kept)
        return Snapshot(self._state, rows, tuple(self._open.values()), self._findings)

    def _tell(self, kind: str, what: object) -> None:
        self._number += 1
        event = _event(kind, what)
        self._events.append((self._number, event))
        self._event_bytes += len(event)
        while len(self._events) > MOST_EVENTS or self._event_bytes > MOST_EVENT_BYTES:
            self._event_bytes -= len(self._events.popleft()[1])
        self._changed.notify_all()


def _event(kind: str, what: object) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + msgspec.json.encode(what) + b"\n\n"
