"""What the detectors of caches compute: round trips of one place in one request, and their cost."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median_high

from unslow.model import CacheCall, Cost, Request, Site, Trace


@dataclass(frozen=True)
class Calls:
    """Round trips of one request that belong together."""

    request: Request
    calls: tuple[CacheCall, ...]

    @property
    def ms(self) -> float:
        return sum(call.duration_ms for call in self.calls)


def grouped(request: Request, identity: Callable[[CacheCall], Hashable | None]) -> list[Calls]:
    """The request's calls by identity; those without one are left out."""
    found: defaultdict[Hashable, list[CacheCall]] = defaultdict(list)
    for call in request.cache_calls:
        key = identity(call)
        if key is not None:
            found[key].append(call)
    return [Calls(request, tuple(calls)) for calls in found.values()]


def by_site(groups: Sequence[Calls]) -> Iterator[tuple[Site, list[Calls]]]:
    """The groups by the expression that makes their calls."""
    found: defaultdict[Site, list[Calls]] = defaultdict(list)
    for group in groups:
        found[group.calls[0].stack[0]].append(group)
    yield from found.items()


def endpoints(groups: Sequence[Calls]) -> tuple[str, ...]:
    """The endpoints of the groups, the one that waits longest first."""
    spent: defaultdict[str, float] = defaultdict(float)
    for group in groups:
        spent[group.request.endpoint] += group.ms
    return tuple(sorted(spent, key=lambda name: (-spent[name], name)))


def per_request(groups: Sequence[Calls]) -> int:
    """How many calls the median request made."""
    counts: defaultdict[str, int] = defaultdict(int)
    for group in groups:
        counts[group.request.id] += len(group.calls)
    return median_high(counts.values())


def cost(trace: Trace, names: Sequence[str], calls: float, ms: float) -> Cost:
    """Of round trips, in the place of queries, that take `ms` together."""
    requests = sum(request.endpoint in names for request in trace.requests) or 1
    total = sum(request.duration_ms for request in trace.requests)
    return Cost(
        queries_per_request=round(calls / requests, 2),
        ms_per_request=round(ms / requests, 3),
        share=round(min(1.0, ms / total), 4) if total else 0.0,
    )
