"""long-transaction: a request asks another service while its transaction holds locks."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from unslow.lab.diagnose import _views as views
from unslow.model import Finding, HttpCall, Query, Request, Site, Trace, Transaction, WaitEvidence


@dataclass(frozen=True)
class Held:
    """A call of `request` that was made after `query` had written in a transaction still open."""

    request: Request
    query: Query
    call: HttpCall


def find(trace: Trace) -> Iterator[Finding]:
    """One finding per calling expression, over all endpoints."""
    by_cause: defaultdict[Site, list[Held]] = defaultdict(list)
    for request in trace.requests:
        for transaction in request.transactions:
            for held in _held(request, transaction):
                by_cause[held.call.stack[0]].append(held)
    for cause, same in by_cause.items():
        yield _finding(trace, cause, same)


def _held(request: Request, transaction: Transaction) -> Iterator[Held]:
    end = transaction.start_ms + transaction.duration_ms
    locking = (query for query in request.queries if _is_locking(query, transaction, end))
    first = next(locking, None)
    if first is None:
        return
    for call in request.http_calls:
        if call.stack and first.start_ms + first.duration_ms <= call.start_ms < end:
            yield Held(request, first, call)


def _is_locking(query: Query, transaction: Transaction, end: float) -> bool:
    """Whether the statement takes locks that are kept until the transaction ends."""
    if query.database != transaction.database or query.rows == 0:
        return False
    writes = query.kind in ("insert", "update", "delete")
    locks = query.kind == "select" and views.LOCKING.search(query.sql) is not None
    return (writes or locks) and transaction.start_ms <= query.start_ms < end


def _finding(trace: Trace, cause: Site, same: Sequence[Held]) -> Finding:
    times: defaultdict[str, list[float]] = defaultdict(list)
    for held in same:
        times[held.request.id].append(held.call.duration_ms)
    endpoints = sorted({held.request.endpoint for held in same})
    price = views.cost(trace, endpoints, (), sum(map(sum, times.values())))
    first = same[0]
    name = f"{first.call.method} {first.call.host}{first.call.path}"
    return Finding(
        id="long-transaction",
        title=f"{endpoints[0]} waits for {name} while it holds locks{views.place(cause)}",
        severity=views.severity(price),
        confidence="certain",
        endpoints=tuple(endpoints),
        cause=cause,
        symptom=first.query.stack[0] if first.query.stack else cause,
        evidence=WaitEvidence(
            call=name,
            calls=float(median(map(len, times.values()))),
            ms=round(median(map(sum, times.values())), 3),
            uses=(cause,),
        ),
        cost=price,
    )
