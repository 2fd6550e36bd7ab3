"""hot-function: an endpoint spends its time in one function's own code, not in a library."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from unslow.lab.diagnose._views import place, severity
from unslow.model import Cost, Finding, Request, SampleEvidence, Site, Trace

MIN_SHARE = 0.3  # of the looks at the endpoint's requests
MIN_LOOKS = 20  # that found the function; fewer are chance
MIN_MS = 10.0  # per request
BUSY = 0.7  # of the time that the function seems to take must be CPU time, else it waits
LINES = 3


def find(trace: Trace) -> Iterator[Finding]:
    """One finding per endpoint and function."""
    by_endpoint: defaultdict[str, list[Request]] = defaultdict(list)
    for request in trace.requests:
        by_endpoint[request.endpoint].append(request)
    total = sum(request.duration_ms for request in trace.requests)
    for endpoint, requests in by_endpoint.items():
        yield from _of(endpoint, requests, total)


def _of(endpoint: str, requests: Sequence[Request], total: float) -> Iterator[Finding]:
    looks = sum(request.looks for request in requests)
    duration = sum(request.duration_ms for request in requests)
    computing = sum(request.cpu_ms for request in requests)
    lines: defaultdict[tuple[str, str], Counter[Site]] = defaultdict(Counter)
    for request in requests:
        for one in request.samples:
            lines[one.site.path, one.site.function][one.site] += one.count
    for (_, function), sites in lines.items():
        found = sites.total()
        share = min(1.0, found / looks) if looks else 0.0
        spent = share * duration
        is_hot = found >= MIN_LOOKS and share >= MIN_SHARE and spent / len(requests) >= MIN_MS
        if is_hot and computing >= BUSY * spent:
            price = Cost(0.0, round(spent / len(requests), 3), round(spent / total, 4))
            yield _finding(endpoint, function, sites, looks, share, price)


def _finding(
    endpoint: str, function: str, sites: Counter[Site], looks: int, share: float, price: Cost
) -> Finding:
    lines = tuple(site for site, _ in sites.most_common(LINES))
    return Finding(
        id="hot-function",
        title=f"{endpoint} spends {share:.0%} of its time in its own code{place(lines[0])}",
        severity=severity(price),
        confidence="likely",
        endpoints=(endpoint,),
        cause=lines[0],
        symptom=lines[1] if len(lines) > 1 else None,
        evidence=SampleEvidence(function, looks, round(share, 3), lines),
        cost=price,
    )
