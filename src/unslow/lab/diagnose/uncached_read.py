"""uncached-read: an expensive summary is computed anew for each request, always the same."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median

from unslow.lab.diagnose import _statements as statements
from unslow.lab.diagnose import _views as views
from unslow.model import Finding, Query, ReadEvidence, Request, Site, Trace
from unslow.rules import causes

MIN_MS = 50.0  # of the quickest execution; below it a round trip to a cache is no great gain
MIN_SHARE = 0.5  # of the requests' time
MIN_REQUESTS = 2
MOST_ROWS = 1000  # a value that is larger is costly to keep and to decode
SUMMARY = re.compile(r"\b(?:count|sum|avg|min|max|percentile_\w+)\s*\(|\bGROUP\s+BY\b", re.I)
CLOCK = re.compile(r"\b(?:now\s*\(|current_(?:date|time|timestamp)\b|localtime)", re.I)

Found = tuple[Request, Query]


def find(trace: Trace) -> Iterator[Finding]:
    """One finding for each summary that several requests compute with the same values."""
    shared = causes.shared_sites(trace)
    by_statement: defaultdict[tuple[str, str, str], list[Found]] = defaultdict(list)
    for request in trace.requests:
        for query in request.queries:
            if _is_summary(query) and not _writes(request):
                by_statement[views.statement(query)].append((request, query))
    for found in by_statement.values():
        request, query = found[0]
        cause = causes.statement_site(query, request, shared)
        if cause is not None and _is_worth(found) and _is_for_all(trace, found):
            yield _finding(trace, cause, found)


def _is_summary(query: Query) -> bool:
    return (
        query.kind == "select"
        and bool(SUMMARY.search(query.sql))
        and (query.rows or 0) <= MOST_ROWS
        and not views.LOCKING.search(query.sql)
        and not CLOCK.search(query.sql)
        and not statements.is_volatile(query.sql)
        and bool(statements.tables(query.sql))
    )


def _writes(request: Request) -> bool:
    return any(query.kind in ("insert", "update", "delete") for query in request.queries)


def _is_worth(found: Sequence[Found]) -> bool:
    spent = sum(query.duration_ms for _, query in found)
    whole = sum({request.id: request.duration_ms for request, _ in found}.values())
    quickest = min(query.duration_ms for _, query in found)
    return quickest >= MIN_MS and spent >= MIN_SHARE * whole


def _is_for_all(trace: Trace, found: Sequence[Found]) -> bool:
    """Whether the answer is nobody's own: all requests ask for it, with no values or the same.

    A page's own offset may stand in the statement as a number.
    """
    requests = {request.id for request, _ in found}
    names = {request.endpoint for request, _ in found}
    asked = [request for request in trace.requests if request.endpoint in names]
    if len(requests) < max(MIN_REQUESTS, len(asked)):
        return False
    return not found[0][1].parameters_digest or len({request.path for request, _ in found}) > 1


def _finding(trace: Trace, cause: Site, found: Sequence[Found]) -> Finding:
    groups = [views.Group(request, (query,)) for request, query in found]
    endpoints = tuple(views.by_weight(groups))
    queries = [query for _, query in found]
    price = views.cost(trace, endpoints, queries, sum(query.duration_ms for query in queries))
    ms = median(query.duration_ms for query in queries)
    tables = tuple(sorted(statements.tables(queries[0].sql) or ()))
    return Finding(
        id="uncached-read",
        title=f"{endpoints[0]} computes the same summary in {ms:.0f} ms each time"
        f"{views.place(cause)}",
        severity=views.severity(price),
        confidence="possible",
        endpoints=endpoints,
        cause=cause,
        symptom=queries[0].stack[0] if queries[0].stack else cause,
        evidence=ReadEvidence(
            shape=queries[0].shape,
            tables=tables,
            ms=round(ms, 3),
            requests=len({request.id for request, _ in found}),
            rows=max(query.rows or 0 for query in queries),
            writers=_writers(trace, tables),
            example_sql=queries[0].sql,
        ),
        cost=price,
    )


def _writers(trace: Trace, tables: Sequence[str]) -> tuple[str, ...]:
    found = {
        request.endpoint
        for request in trace.requests
        for query in request.queries
        if query.kind in ("insert", "update", "delete")
        and (statements.tables(query.sql) or frozenset()) & set(tables)
    }
    return tuple(sorted(found))
