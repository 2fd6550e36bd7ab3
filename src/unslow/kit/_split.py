"""Tells where the time of a request went: database, cache, outgoing calls, Python, waiting."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from unslow.observe._record import RequestRecord

Interval = tuple[float, float]  # milliseconds since the request began


class Split(NamedTuple):
    """Milliseconds; together they are the request's duration."""

    database_ms: float
    cache_ms: float
    outgoing_ms: float
    python_ms: float
    waiting_ms: float


def split(record: RequestRecord) -> Split:
    """The duration of a request that has ended, each millisecond counted once.

    What overlaps belongs to the database before the cache, and to the cache before outgoing calls.
    Of the rest, as much is Python's as the thread (the process, where requests share it) used of
    the processor.
    """
    total = record.duration_ms
    dropped = record.dropped_s * 1000
    seen: list[Interval] = []
    covered = [0.0]
    for intervals in (_database(record), _part(record, "cache_calls"), _part(record, "http_calls")):
        seen += intervals
        covered.append(_covered(seen, total))
    database, cache, outgoing = (after - before for before, after in pairwise(covered))
    database = min(database + dropped, total - cache - outgoing)
    rest = max(total - database - cache - outgoing, 0.0)
    python = min(record.cpu_ms, rest)
    return Split(database, cache, outgoing, python, rest - python)


def _database(record: RequestRecord) -> list[Interval]:
    statements = [
        (query["start_ms"], query["start_ms"] + query["duration_ms"]) for query in record.queries
    ]
    return [*statements, *_part(record, "connections")]


def _part(record: RequestRecord, name: str) -> list[Interval]:
    return [
        (call["start_ms"], call["start_ms"] + call["duration_ms"])
        for call in record.parts.get(name, ())
    ]


def _covered(intervals: Iterable[Interval], total: float) -> float:
    """How much of the request the intervals cover together."""
    return sum(end - start for start, end in _merged(intervals, total))


def _merged(intervals: Iterable[Interval], total: float) -> Iterator[Interval]:
    reached = 0.0
    for start, end in sorted(intervals):
        start, end = max(start, reached), min(end, total)
        if end > start:
            yield start, end
            reached = end
