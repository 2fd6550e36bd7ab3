"""client-per-request: each request builds a client, and with it a new connection."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from statistics import median_high

from unslow.lab.diagnose import _views as views
from unslow.lab.diagnose import _waits as waits
from unslow.lab.diagnose._waits import Read, Sources
from unslow.model import Built, Finding, Request, Site, Trace, WaitEvidence

MIN_BUILD_MS = 1.0  # of an HTTP client: httpx takes 25 for its certificates, requests a tenth
CONNECTING = ("redis.", "sqlalchemy.")  # whose next use is a new connection for sure


def find_in_source(trace: Trace, read: Read) -> Iterator[Finding]:
    """One finding for each expression that usually builds a client in a request."""
    sources = Sources(read)
    by_cause: defaultdict[tuple[Site, str], list[tuple[Request, Built]]] = defaultdict(list)
    for request in trace.requests:
        for built in request.built:
            if built.stack and _is_own(built, sources):
                by_cause[built.stack[0], built.what].append((request, built))
    for (cause, what), found in by_cause.items():
        ms = waits.medians(trace, [(request, built.duration_ms) for request, built in found])
        least = 0.0 if what.startswith(CONNECTING) else MIN_BUILD_MS
        ms = {endpoint: one for endpoint, one in ms.items() if one >= least}
        if ms:
            yield _finding(trace, cause, what, ms, found)


def _is_own(built: Built, sources: Sources) -> bool:
    """Whether the application calls the library that the client is of, and no other that does."""
    site = built.stack[0]
    node = sources.expression(site)
    if isinstance(node, ast.Await):
        node = node.value
    if not isinstance(node, ast.Call):
        return False
    called = sources.imported(site.path, node.func).partition(".")[0]
    inside = sources.function(site.path, node)
    return inside is not None and called == built.what.partition(".")[0]


def _finding(
    trace: Trace,
    cause: Site,
    what: str,
    ms: dict[str, float],
    found: list[tuple[Request, Built]],
) -> Finding:
    endpoint, worst = next(iter(ms.items()))
    per_request: defaultdict[str, int] = defaultdict(int)
    for request, _ in found:
        if request.endpoint == endpoint:
            per_request[request.id] += 1
    price = waits.cost(trace, ms)
    calls = [call for request, _ in found for call in request.http_calls]
    return Finding(
        id="client-per-request",
        title=f"{endpoint} builds a client in each request, {what}, {worst:.1f} ms"
        f"{views.place(cause)}",
        severity=views.severity(price),
        confidence="certain",
        endpoints=tuple(ms),
        cause=cause,
        symptom=cause,
        evidence=WaitEvidence(
            call=what,
            calls=float(median_high(per_request.values())),
            ms=round(worst, 2),
            uses=(cause,),
            cookies=any(call.cookies for call in calls),
        ),
        cost=price,
    )
