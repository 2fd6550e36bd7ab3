"""repeated-render: a request renders one template again and again, row by row."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median_high

from unslow.lab.diagnose._views import place, severity
from unslow.model import Cost, Finding, Render, RenderEvidence, Request, Site, Trace

MIN_TIMES = 10  # by one place in one request
MIN_SHARE = 0.1  # of the request's time

Seen = tuple[Request, Render]


def find(trace: Trace) -> Iterator[Finding]:
    """One finding per template and rendering expression, over all endpoints."""
    by_cause: defaultdict[tuple[str, Site], list[Seen]] = defaultdict(list)
    for request in trace.requests:
        for one in request.renders:
            much = one.duration_ms >= request.duration_ms * MIN_SHARE
            if one.times >= MIN_TIMES and much and one.stack:
                by_cause[one.template, one.stack[0]].append((request, one))
    for (template, cause), seen in by_cause.items():
        yield _finding(trace, template, cause, seen)


def _finding(trace: Trace, template: str, cause: Site, seen: Sequence[Seen]) -> Finding:
    endpoints = sorted({request.endpoint for request, _ in seen})
    times = median_high(one.times for _, one in seen)
    spent = sum(one.duration_ms for _, one in seen)
    total = sum(request.duration_ms for request in trace.requests)
    requests = sum(request.endpoint in endpoints for request in trace.requests)
    price = Cost(0.0, round(spent / requests, 3), round(spent / total, 4))
    return Finding(
        id="repeated-render",
        title=f"{endpoints[0]} renders {template} {times} times{place(cause)}",
        severity=severity(price),
        confidence="likely",
        endpoints=tuple(endpoints),
        cause=cause,
        symptom=None,
        evidence=RenderEvidence(template, float(times), round(spent / len(seen), 3), (cause,)),
        cost=price,
    )
