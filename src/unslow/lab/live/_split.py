"""Says where a request's time went, each moment counted once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from unslow.model import Request

Interval = tuple[float, float]  # start and end in ms


@dataclass(frozen=True)
class Split:
    """Milliseconds of a request.

    A moment belongs to the database while a query runs or a connection is opened, else to the
    cache, else to an outgoing call. Of what remains, `python` is what the process computed, and
    `waiting` the rest: sleep, other requests, a busy machine.
    """

    database: float
    cache: float
    outgoing: float
    waiting: float
    python: float


def split(request: Request) -> Split:
    """Where the time of a request went; the parts add up to its duration."""
    taken: list[Interval] = []
    spent = []
    for group in _groups(request):
        ours = [_within(one, request.duration_ms) for one in group]
        before = _length(taken)
        taken = _merged([*taken, *ours])
        spent.append(_length(taken) - before)
    rest = max(0.0, request.duration_ms - sum(spent))
    python = min(rest, request.cpu_ms)
    return Split(spent[0], spent[1], spent[2], rest - python, python)


def gaps(request: Request) -> list[Interval]:
    """When the request was in none of its queries, cache calls or outgoing calls."""
    ours = [one for group in _groups(request) for one in group]
    found, at = [], 0.0
    for start, end in _merged([_within(one, request.duration_ms) for one in ours]):
        if start > at:
            found.append((at, start))
        at = max(at, end)
    if request.duration_ms > at:
        found.append((at, request.duration_ms))
    return found


def _groups(request: Request) -> Sequence[Iterable[Interval]]:
    queries = [(one.start_ms, one.start_ms + one.duration_ms) for one in request.queries]
    opened = [(one.start_ms, one.start_ms + one.duration_ms) for one in request.connections]
    cache = [(one.start_ms, one.start_ms + one.duration_ms) for one in request.cache_calls]
    calls = [(one.start_ms, one.start_ms + one.duration_ms) for one in request.http_calls]
    return [*queries, *opened], cache, calls


def _within(one: Interval, duration: float) -> Interval:
    start = min(max(one[0], 0.0), duration)
    return start, min(max(one[1], start), duration)


def _merged(intervals: Iterable[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _length(intervals: Iterable[Interval]) -> float:
    return sum(end - start for start, end in intervals)
