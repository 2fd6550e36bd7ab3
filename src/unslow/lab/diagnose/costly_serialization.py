"""costly-serialization: a long response is made row by row in Python where less work does."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median_high

from unslow.lab.diagnose import _views as views
from unslow.model import Cost, Encoding, EncodingEvidence, Finding, Request, Site, Trace

MIN_ITEMS = 200  # rows; a page of a hundred takes a serializer two milliseconds
MIN_SHARE = 0.25  # of the request's time; below it the gain is hard to measure
MIN_MS = 2.0
HEAVY = ("serializer", "encoder")  # a response model is pydantic's compiled code
TITLES = {
    "serializer": "makes {items} rows with {name} in {ms:.0f} ms",
    "encoder": "encodes {items} rows in Python in {ms:.0f} ms",
}

Found = tuple[Request, Encoding]


def find(trace: Trace) -> Iterator[Finding]:
    """One finding for each serializer or view whose encoding is most of its long responses."""
    by_place: defaultdict[tuple[str, str, Site], list[Found]] = defaultdict(list)
    for request in trace.requests:
        for one in request.encodings:
            if one.site is not None and _is_costly(one, request):
                by_place[one.kind, one.name, one.site].append((request, one))
    for (_, _, cause), found in by_place.items():
        yield _finding(trace, cause, found)


def _is_costly(one: Encoding, request: Request) -> bool:
    return (
        one.kind in HEAVY
        and one.items >= MIN_ITEMS
        and one.duration_ms >= MIN_MS
        and one.duration_ms >= MIN_SHARE * request.duration_ms
        and request.status < 400
    )


def _finding(trace: Trace, cause: Site, found: Sequence[Found]) -> Finding:
    spent: defaultdict[str, float] = defaultdict(float)
    for request, one in found:
        spent[request.endpoint] += one.duration_ms
    endpoints = tuple(sorted(spent, key=lambda name: (-spent[name], name)))
    first = found[0][1]
    items = median_high(one.items for _, one in found)
    ms = median_high(one.duration_ms for _, one in found)
    price = _cost(trace, endpoints, sum(spent.values()))
    what = TITLES[first.kind].format(items=items, name=first.name.rpartition(".")[2], ms=ms)
    return Finding(
        id="costly-serialization",
        title=f"{endpoints[0]} {what}{views.place(cause)}",
        severity=views.severity(price),
        confidence="likely",
        endpoints=endpoints,
        cause=cause,
        symptom=found[0][0].view,
        evidence=EncodingEvidence(first.kind, first.name, items, round(ms, 3)),
        cost=price,
    )


def _cost(trace: Trace, endpoints: Sequence[str], ms: float) -> Cost:
    requests = sum(request.endpoint in endpoints for request in trace.requests) or 1
    total = sum(request.duration_ms for request in trace.requests)
    share = round(min(1.0, ms / total), 4) if total else 0.0
    return Cost(0.0, round(ms / requests, 3), share)
