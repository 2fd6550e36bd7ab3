"""What the calls of an endpoint take, exactly: each call at its least, the endpoint at its most."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from unslow.lab._observation import call_number
from unslow.lab.budget.rules import Limit
from unslow.lab.prove import counters
from unslow.model import Finding, Query, RepeatEvidence, Request, Site, Spender, Spent, Trace
from unslow.model.budget import COUNTERS, Counter

SHOWN_SPENDERS = 5  # statements named for a budget that is exceeded

Causes = Mapping[tuple[str, str], Site]


@dataclass(frozen=True)
class Call:
    """A call of the workload by its number, with its requests as they were observed.

    A repetition that takes less shows what a warm process needs: what came before was the filling
    of a cache, a first connection, an import. A write is held to its first time, since the data is
    another one the second time.
    """

    number: int
    requests: tuple[Request, ...]

    def least(self, counter: Counter) -> Request:
        good = [one for one in self.requests if one.status < 400] or list(self.requests)
        if good[0].method not in ("GET", "HEAD"):
            return good[0]
        return min(good, key=AMOUNTS[counter])

    def amount(self, counter: Counter) -> int:
        return AMOUNTS[counter](self.least(counter))


AMOUNTS: dict[Counter, Callable[[Request], int]] = {
    "queries": lambda request: len(request.queries),
    "rows": counters.rows,
    "bytes": lambda request: request.response_bytes,
}


def by_endpoint(trace: Trace) -> dict[str, tuple[Call, ...]]:
    """The calls of each endpoint, in the workload's order."""
    grouped: dict[str, dict[int, list[Request]]] = defaultdict(lambda: defaultdict(list))
    for request in trace.requests:
        grouped[request.endpoint][call_number(request)].append(request)
    return {
        endpoint: tuple(Call(number, tuple(calls[number])) for number in sorted(calls))
        for endpoint, calls in grouped.items()
    }


def spent(
    calls: Sequence[Call],
    base: Sequence[Call],
    limits: Mapping[str, Limit],
    causes: Causes,
) -> tuple[Spent, ...]:
    """Every counter of one endpoint; `base` are the same calls on the base, as far as it answers.

    Statements are named for what is over its limit alone.
    """
    return tuple(_spent(counter, calls, base, limits.get(counter), causes) for counter in COUNTERS)


def causes(findings: Iterable[Finding]) -> Causes:
    """The expression to change, by endpoint and by fingerprint of the statement it causes."""
    return {
        (endpoint, load.fingerprint): finding.cause
        for finding in reversed(list(findings))  # costliest first: the last one wins
        if finding.cause is not None and isinstance(finding.evidence, RepeatEvidence)
        for endpoint in finding.endpoints
        for load in finding.evidence.loads
    }


def answers(calls: Sequence[Call]) -> bool:
    """Whether any of the calls was answered without an error."""
    return any(request.status < 400 for call in calls for request in call.requests)


def _spent(
    counter: Counter,
    calls: Sequence[Call],
    base: Sequence[Call],
    limit: Limit | None,
    known: Causes,
) -> Spent:
    costliest = max(calls, key=lambda call: call.amount(counter))
    request = costliest.least(counter)
    found = Spent(
        counter=counter,
        found=costliest.amount(counter),
        limit=None if limit is None else int(limit.value),
        glob="" if limit is None else limit.glob,
        base=max((call.amount(counter) for call in base), default=None),
        at_least=counter == "rows" and any(map(_uncounted, request.queries)),
    )
    if not found.exceeded:
        return found
    twin = next((call.least(counter) for call in base if call.number == costliest.number), None)
    return _explained(found, f"{calls.index(costliest) + 1} of {len(calls)}", request, twin, known)


def _explained(
    found: Spent, position: str, request: Request, twin: Request | None, known: Causes
) -> Spent:
    return Spent(
        counter=found.counter,
        found=found.found,
        limit=found.limit,
        glob=found.glob,
        base=found.base,
        call=f"{position}: {_without_values(request)}",
        at_least=found.at_least,
        spenders=_spenders(found.counter, request, twin, known),
    )


def _spenders(
    counter: Counter, request: Request, twin: Request | None, known: Causes
) -> tuple[Spender, ...]:
    """The statements that took most; none explain the size of a response."""
    if counter == "bytes":
        return ()
    grouped: dict[tuple[str, Site | None], list[Query]] = defaultdict(list)
    for query in request.queries:
        cause = known.get((request.endpoint, query.fingerprint))
        grouped[query.fingerprint, cause or next(iter(query.stack), None)].append(query)
    all_of_them = [
        Spender(
            shape=queries[0].shape,
            count=len(queries),
            rows=sum(query.rows or 0 for query in queries),
            cause=cause,
            base=None if twin is None else _count(twin, fingerprint),
        )
        for (fingerprint, cause), queries in grouped.items()
    ]
    most = (lambda one: one.count) if counter == "queries" else (lambda one: one.rows)
    return tuple(sorted(all_of_them, key=most, reverse=True)[:SHOWN_SPENDERS])


def _count(request: Request, fingerprint: str) -> int:
    return sum(query.fingerprint == fingerprint for query in request.queries)


def _uncounted(query: Query) -> bool:
    return query.rows is None and query.kind == "select"


def _without_values(request: Request) -> str:
    """The route, with the names of the query's parameters and none of their values."""
    names = [name for name, _ in parse_qsl(urlsplit(request.path).query, keep_blank_values=True)]
    return request.route + ("?" + "&".join(f"{name}=…" for name in names) if names else "")
