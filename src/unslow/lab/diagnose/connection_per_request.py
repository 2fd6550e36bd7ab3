"""connection-per-request: nearly every request opens its own connection to the database."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median

from unslow.lab.diagnose import _views as views
from unslow.model import Cost, Finding, Opened, Request, SettingEvidence, Site, Trace

MIN_REQUESTS = 2  # the first one may open what later ones use
KEEPING_NONE = ("CONN_MAX_AGE=0", "NullPool")  # other pools open connections, and keep them
MIN_SHARE = 0.8  # of the requests that query the database

Found = tuple[Request, Opened]


def find(trace: Trace) -> Iterator[Finding]:
    """One finding for each place where a database is set up whose connections are not kept."""
    by_place: defaultdict[tuple[Site, str], list[Found]] = defaultdict(list)
    for request in trace.requests:
        for one in request.connections:
            if one.site is not None and one.kind in KEEPING_NONE:
                by_place[one.site, one.database].append((request, one))
    for (cause, _), found in by_place.items():
        opening = {request.id for request, _ in found}
        if len(opening) >= max(MIN_REQUESTS, MIN_SHARE * _asking(trace, found[0][1])):
            yield _finding(trace, cause, found)


def _asking(trace: Trace, opened: Opened) -> int:
    """How many requests used the database; 0 where its pool is known to keep nothing.

    Several engines may lead to one database, so that a query does not tell which one asked.
    """
    if opened.kind == "NullPool":
        return 0
    return sum(any(q.database == opened.database for q in one.queries) for one in trace.requests)


def _finding(trace: Trace, cause: Site, found: Sequence[Found]) -> Finding:
    spent: defaultdict[str, float] = defaultdict(float)
    for request, one in found:
        spent[request.endpoint] += one.duration_ms
    endpoints = tuple(sorted(spent, key=lambda name: (-spent[name], name)))
    first = found[0][1]
    price = _cost(trace, endpoints, len(found), sum(spent.values()))
    ms = median(one.duration_ms for _, one in found)
    what = f"opens a connection to {first.database} in each request ({first.kind})"
    return Finding(
        id="connection-per-request",
        title=f"{endpoints[0]} {what}{views.place(cause)}",
        severity=views.severity(price),
        confidence="certain",
        endpoints=endpoints,
        cause=cause,
        symptom=found[0][0].view,
        evidence=SettingEvidence(
            name=first.kind.partition("=")[0],
            value=first.kind.partition("=")[2],
            about=first.database,
            calls=round(len(found) / len({request.id for request, _ in found}), 2),
            ms=round(ms, 3),
            threaded=first.threaded,
        ),
        cost=price,
    )


def _cost(trace: Trace, endpoints: Sequence[str], times: int, ms: float) -> Cost:
    requests = sum(request.endpoint in endpoints for request in trace.requests) or 1
    total = sum(request.duration_ms for request in trace.requests)
    share = round(min(1.0, ms / total), 4) if total else 0.0
    return Cost(round(times / requests, 2), round(ms / requests, 3), share)
