"""duplicate-query: a request asks the same question, with the same values, more than once."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from itertools import pairwise

from unslow.lab.diagnose import _statements as statements
from unslow.lab.diagnose import _views as views
from unslow.lab.diagnose._views import Group
from unslow.model import Finding, Query, RepeatedLoad, RepeatEvidence, Request, Site, Trace
from unslow.observe._placeholders import numbered

MIN_DUPLICATES = 2
POLL_MS = 50.0  # idle time between equal queries that tells polling from forgetting


def find(trace: Trace) -> Iterator[Finding]:
    """One finding per statement and first asking expression, over all endpoints."""
    by_cause: defaultdict[tuple[str, Site], list[Group]] = defaultdict(list)
    for request in trace.requests:
        for group in _duplicates(request):
            first = group.queries[0]
            by_cause[first.fingerprint, first.stack[0]].append(group)
    for (_, cause), groups in by_cause.items():
        yield _finding(trace, cause, groups)


def _duplicates(request: Request) -> Iterator[Group]:
    repeated = {
        id(query)
        for group in views.groups(request)
        if views.is_repeated(group)
        for query in group.queries
    }
    wrapping = _wrapping(request)
    for queries in _equal(request).values():
        own = [query for query in queries if id(query) not in repeated]
        if (
            len(own) >= MIN_DUPLICATES
            and _is_application(own, wrapping)
            and not _polls(request, own)
        ):
            yield Group(request, tuple(own))


def _equal(request: Request) -> dict[Hashable, list[Query]]:
    """Equal reads with no write to their tables in between.

    A relation of several rows that lead to one row is a relation read per row, not a duplicate.
    """
    found: defaultdict[Hashable, list[Query]] = defaultdict(list)
    writes: defaultdict[str, int] = defaultdict(int)
    for query in request.queries:
        if query.kind == "select":
            if (read := _read(query)) and not views.is_eager(query) and not views.is_nested(query):
                state = tuple(writes[name] for name in ("", *sorted(read)))
                parent = query.load.parent_key if query.load is not None else None
                found[*views.statement(query), parent, state].append(query)
        elif query.kind in ("insert", "update", "delete"):
            for name in statements.tables(query.sql) or {""}:
                writes[name] += 1
        elif not _is_transaction(query):
            writes[""] += 1
    return found


def _read(query: Query) -> frozenset[str]:
    """The tables read; none for what is no plain read of tables."""
    if statements.is_volatile(query.sql):
        return frozenset()
    return statements.tables(query.sql) or frozenset()


def _is_transaction(query: Query) -> bool:
    verb = query.sql.lstrip().partition(" ")[0].upper()
    return verb in {"BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "SET", "SHOW"}


def _wrapping(request: Request) -> frozenset[Site]:
    """Expressions that run other application code below them: middleware, `render()`, views.

    What a library asks from there is not the application's.
    """
    return frozenset(site for query in request.queries for site in query.stack[1:])


def _is_application(queries: Sequence[Query], wrapping: frozenset[Site]) -> bool:
    return all(
        query.stack and (query.stack[0] not in wrapping or query.through) for query in queries
    )


def _polls(request: Request, queries: Sequence[Query]) -> bool:
    """One expression that asks again after a while, and nothing else in between."""
    order = {id(query): n for n, query in enumerate(request.queries)}
    return all(
        before.stack == after.stack
        and order[id(after)] == order[id(before)] + 1
        and after.start_ms - before.start_ms - before.duration_ms >= POLL_MS
        for before, after in pairwise(queries)
    )


def _finding(trace: Trace, cause: Site, groups: Sequence[Group]) -> Finding:
    endpoints = views.by_weight(groups)
    saved = [query for group in groups for query in group.queries[1:]]
    price = views.cost(trace, endpoints, saved, sum(query.duration_ms for query in saved))
    mine = [group for group in groups if group.request.endpoint == endpoints[0]]
    times = views.median_repeats(mine)
    uses = tuple(dict.fromkeys(q.stack[0] for group in groups for q in group.queries))
    what = f"one query {times:g} times with equal values"
    known = all(_has_known_values(group.queries[0]) for group in groups)
    return Finding(
        id="duplicate-query",
        title=f"{endpoints[0]} runs {what}{views.place(cause)}",
        severity=views.severity(price),
        confidence="certain" if known else "likely",
        endpoints=tuple(endpoints),
        cause=cause,
        symptom=uses[1] if len(uses) > 1 else cause,
        evidence=RepeatEvidence((_load(groups, uses),)),
        cost=price,
    )


def _has_known_values(query: Query) -> bool:
    return bool(query.parameters_digest) or numbered(query.sql) == query.sql


def _load(groups: Sequence[Group], uses: tuple[Site, ...]) -> RepeatedLoad:
    first = groups[0].queries[0]
    through = dict.fromkeys(name for g in groups for q in g.queries for name in q.through)
    return RepeatedLoad(
        shape=first.shape,
        fingerprint=first.fingerprint,
        repeats=views.median_repeats(groups),
        load=first.load,
        uses=uses,
        through=tuple(through),
        example_sql=first.sql,
    )
