"""exhausted-pool: a pool has fewer connections than the server runs requests at a time."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from unslow.lab.diagnose import _views as views
from unslow.model import Checkout, Cost, Finding, Request, SettingEvidence, Site, Trace

DEFAULT = 5  # SQLAlchemy's pool_size; an event loop has no bound of its own
WAITED_MS = 20.0  # more than a connection takes to be checked

Found = tuple[Request, Checkout]


def find(trace: Trace) -> Iterator[Finding]:
    """One finding for each engine whose pool is smaller than what may ask it at once."""
    by_place: defaultdict[Site, list[Found]] = defaultdict(list)
    for request in trace.requests:
        for one in request.checkouts:
            if one.site is not None and one.capacity:
                by_place[one.site].append((request, one))
    for cause, found in by_place.items():
        if found[0][1].capacity < _at_once(trace, found[0][1]):
            yield _finding(trace, cause, found)


def _at_once(trace: Trace, one: Checkout) -> int:
    """How many requests may want a connection at the same time, as far as is known."""
    if not one.threaded:
        return DEFAULT
    return trace.server.threads if trace.server is not None else 1


def _finding(trace: Trace, cause: Site, found: Sequence[Found]) -> Finding:
    held: defaultdict[str, float] = defaultdict(float)
    for request, one in found:
        held[request.endpoint] += one.waited_ms
    endpoints = tuple(sorted(held, key=lambda name: (-held[name], name)))
    first = found[0][1]
    waited = sum(one.waited_ms for _, one in found if one.waited_ms >= WAITED_MS)
    price = _cost(trace, endpoints, waited)
    among = "the threads of a process" if first.threaded else "any number of requests"
    connections = "connection" if first.capacity == 1 else "connections"
    what = f"shares {first.capacity} {connections} to {first.database} among {among}"
    return Finding(
        id="exhausted-pool",
        title=f"{endpoints[0]} {what}{views.place(cause)}",
        severity="medium" if not waited else views.severity(price),
        confidence="certain" if waited else "likely",
        endpoints=endpoints,
        cause=cause,
        symptom=found[0][0].view,
        evidence=SettingEvidence(
            name="pool_size",
            value=str(first.capacity),
            about=first.database,
            calls=round(len(found) / len({request.id for request, _ in found}), 2),
            ms=round(waited / len(found), 3),
            threaded=first.threaded,
        ),
        cost=price,
    )


def _cost(trace: Trace, endpoints: Sequence[str], ms: float) -> Cost:
    requests = sum(request.endpoint in endpoints for request in trace.requests) or 1
    total = sum(request.duration_ms for request in trace.requests)
    share = round(min(1.0, ms / total), 4) if total else 0.0
    return Cost(0.0, round(ms / requests, 3), share)
