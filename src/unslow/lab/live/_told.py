"""What the page is told: requests in a line each, one request in full, findings with their code."""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from unslow.errors import UnslowError
from unslow.lab.live._places import Places
from unslow.lab.live._split import gaps, split
from unslow.lab.report._excerpt import quote, span
from unslow.lab.report._phrases import shortened
from unslow.model import Finding, Request, Site

REPEATED = 5  # runs of one statement from one place; the report's waterfall says the same
MOST_BARS = 300  # of one lane; the eye sees no more
MOST_LANES = 80  # of one request, costliest first
MOST_SAMPLES = 8
LEAST_BLOCK_MS = 10.0  # shorter stops of the event loop are every request's own Python

Category = str  # "database", "cache", "outgoing", "waiting", "python"


class Place(msgspec.Struct, frozen=True):
    """A site with the link that opens it, and the expression where it can be read."""

    text: str
    link: str
    function: str = ""
    code: str = ""


class Row(msgspec.Struct, frozen=True):
    """A request in one line. `split` is in the order of the categories; `repeated` the worst."""

    id: str
    at: float
    method: str
    path: str
    route: str
    status: int
    ms: float
    queries: int
    repeated: int
    split: tuple[float, ...]
    error: str = ""


class Lane(msgspec.Struct, frozen=True):
    """What one place did of one kind, with start and length of each time in ms."""

    category: Category
    what: str
    count: int
    ms: float
    bars: tuple[tuple[float, float], ...]
    place: Place | None = None
    through: str = ""
    rows: int | None = None
    database: str = ""
    values: str = ""
    repeated: bool = False


class Sampled(msgspec.Struct, frozen=True):
    place: Place
    share: float


class Detail(msgspec.Struct, frozen=True):
    """One request in full."""

    row: Row
    cpu_ms: float
    bytes: int
    content_type: str
    view: Place | None
    lanes: tuple[Lane, ...]
    hidden: int
    hidden_ms: float
    samples: tuple[Sampled, ...]


class Line(msgspec.Struct, frozen=True):
    """A source line in three parts; the middle one belongs to the cause."""

    number: int
    before: str
    marked: str
    after: str


class Found(msgspec.Struct, frozen=True):
    """A finding."""

    key: str
    id: str
    title: str
    severity: str
    confidence: str
    endpoints: tuple[str, ...]
    ms: float
    queries: float
    share: float
    cause: Place | None
    symptom: Place | None
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class _Event:
    """Something that took time, before it is put into a lane."""

    category: Category
    what: str
    start: float
    ms: float
    stack: Sequence[Site] = ()
    through: str = ""
    rows: int | None = None
    database: str = ""
    values: str = ""


class Teller:
    """Puts what was recorded into the words of the page. `values` shows statements as they ran."""

    def __init__(self, places: Places, filled: Callable[[str, Sequence[str] | None], str | None]):
        self._places = places
        self._filled = filled

    def row(self, request: Request, at: float) -> Row:
        parts = split(request)
        counted: dict[tuple[str, Site | None], int] = {}
        for query in request.queries:
            if query.kind != "other":
                key = (query.fingerprint, query.stack[0] if query.stack else None)
                counted[key] = counted.get(key, 0) + 1
        worst = max(counted.values(), default=0)
        return Row(
            id=request.id,
            at=at,
            method=request.method,
            path=request.path,
            route=request.route,
            status=request.status,
            ms=round(request.duration_ms, 2),
            queries=len(request.queries),
            repeated=worst if worst >= REPEATED else 0,
            split=tuple(
                round(value, 2)
                for value in (
                    parts.database, parts.cache, parts.outgoing, parts.waiting, parts.python
                )
            ),
            error=request.error,
        )  # fmt: skip

    def detail(self, request: Request, at: float) -> Detail:
        lanes = self._lanes(request)
        shown = {id(one) for one in sorted(lanes, key=lambda one: -one.ms)[:MOST_LANES]}
        hidden = [lane for lane in lanes if id(lane) not in shown]
        samples = sorted(request.samples, key=lambda one: -one.count)[:MOST_SAMPLES]
        return Detail(
            row=self.row(request, at),
            cpu_ms=round(request.cpu_ms, 2),
            bytes=request.response_bytes,
            content_type=request.content_type,
            view=self.place(request.view) if request.view else None,
            lanes=tuple(lane for lane in lanes if id(lane) in shown),
            hidden=len(hidden),
            hidden_ms=round(sum(lane.ms for lane in hidden), 2),
            samples=tuple(
                Sampled(self.place(one.site), round(one.count / request.looks, 3))
                for one in samples
                if request.looks
            ),
        )

    def place(self, site: Site) -> Place:
        return Place(
            text=f"{site.path}:{site.line}",
            link=self._places.link(site),
            function=site.function,
            code=_code(site, self._text(site.path)),
        )

    def finding(self, finding: Finding) -> Found:
        cause = finding.cause
        cost = finding.cost
        symptom = finding.symptom if finding.symptom != cause else None
        return Found(
            key=key_of(finding),
            id=finding.id,
            title=_title(finding),
            severity=finding.severity,
            confidence=finding.confidence,
            endpoints=finding.endpoints,
            ms=round(cost.ms_per_request, 2),
            queries=round(cost.queries_per_request, 1),
            share=cost.share,
            cause=self.place(cause) if cause else None,
            symptom=self.place(symptom) if symptom else None,
            lines=_lines(cause, self._text(cause.path)) if cause else (),
        )

    def _text(self, path: str) -> str:
        try:
            return self._places.read(path).decode()
        except (OSError, UnicodeDecodeError, UnslowError):
            return ""

    def _lanes(self, request: Request) -> list[Lane]:
        grouped: dict[tuple[str, str, Site | None], list[_Event]] = {}
        for event in sorted(self._events(request), key=lambda one: one.start):
            site = event.stack[0] if event.stack else None
            grouped.setdefault((event.category, event.what, site), []).append(event)
        return [self._lane(events, request.duration_ms) for events in grouped.values()]

    def _lane(self, events: list[_Event], duration_ms: float) -> Lane:
        slowest = max(events, key=lambda one: one.ms)
        repeated = len(events) >= REPEATED and slowest.category in ("database", "cache", "outgoing")
        return Lane(
            category=slowest.category,
            what=slowest.what,
            count=len(events),
            ms=round(sum(one.ms for one in events), 3),
            bars=_bars(events, duration_ms),
            place=self.place(slowest.stack[0]) if slowest.stack else None,
            through=slowest.through,
            rows=slowest.rows,
            database=slowest.database,
            values=slowest.values,
            repeated=repeated,
        )

    def _events(self, request: Request) -> Iterable[_Event]:
        for query in request.queries:
            yield _Event(
                "database",
                shortened(query.shape),
                query.start_ms,
                query.duration_ms,
                query.stack,
                through=", ".join(query.through[:1]),
                rows=query.rows,
                database=query.database,
                values=self._filled(query.sql, query.parameters) or "",
            )
        for opened in request.connections:
            site = (opened.site,) if opened.site else ()
            what = f"connect to {opened.database}"
            yield _Event("database", what, opened.start_ms, opened.duration_ms, site)
        for call in request.cache_calls:
            what = f"{call.command} {call.key}".strip()
            yield _Event("cache", what, call.start_ms, call.duration_ms, call.stack)
        for http in request.http_calls:
            what = f"{http.method} {http.host}{http.path}"
            yield _Event("outgoing", what, http.start_ms, http.duration_ms, http.stack)
        for block in request.blocks:
            if block.duration_ms >= LEAST_BLOCK_MS:
                what = "the event loop stands still"
                within = f"in {block.call}"
                at = (block.start_ms, block.duration_ms)
                yield _Event("waiting", what, *at, block.stack, through=within)
        for start, end in gaps(request):
            yield _Event("python", "Python and waiting", start, end - start)


def _bars(events: Sequence[_Event], duration_ms: float) -> tuple[tuple[float, float], ...]:
    """Start and length of each; where they are too many, those close to each other as one."""
    if len(events) <= MOST_BARS:
        return tuple((round(one.start, 3), round(one.ms, 3)) for one in events)
    slots: dict[int, tuple[float, float]] = {}
    for one in events:
        slot = int(one.start / max(duration_ms, 1e-6) * MOST_BARS)
        start, ms = slots.get(slot, (one.start, 0.0))
        slots[slot] = (start, ms + one.ms)
    return tuple((round(start, 3), round(ms, 3)) for start, ms in slots.values())


def key_of(finding: Finding) -> str:
    """Equal for the same finding of two analyses."""
    cause = finding.cause
    where = f"{cause.path}:{cause.line}:{cause.column}" if cause else " ".join(finding.endpoints)
    return hashlib.blake2b(f"{finding.id} {where}".encode(), digest_size=6).hexdigest()


def _title(finding: Finding) -> str:
    """The title without the place at its end, which the page shows beside it."""
    if finding.cause is None:
        return finding.title
    return re.sub(rf" \({re.escape(finding.cause.path)}:{finding.cause.line} [^()]*\)$", "",
                  finding.title)  # fmt: skip


def _code(site: Site, text: str) -> str:
    """The expression, its first line alone where it is longer."""
    lines = text.splitlines()
    if not 1 <= site.line <= len(lines):
        return ""
    excerpt = quote(text, site)
    marked = span(excerpt, site, site.line) if excerpt else None
    if marked is None:
        return ""
    more = "…" if site.end_line > site.line else ""
    return lines[site.line - 1][marked[0] : marked[1]].strip() + more


def _lines(site: Site, text: str) -> tuple[Line, ...]:
    excerpt = quote(text, site)
    if excerpt is None:
        return ()
    lines = []
    for number, source in enumerate(excerpt.lines, excerpt.line):
        start, end = span(excerpt, site, number) or (len(source), len(source))
        lines.append(Line(number, source[:start], source[start:end], source[end:]))
    return tuple(lines)
