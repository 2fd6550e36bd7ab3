"""Rows that a request writes one by one: the executions that belong together, and their loop."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from unslow.lab.diagnose import _statements as statements
from unslow.lab.diagnose import _views as views
from unslow.lab.diagnose._row_loops import Loop, Loops
from unslow.model import Finding, Query, Request, Site, Trace, WriteEvidence
from unslow.model.finding import Confidence

WRITES = ("insert", "update", "delete")
NAMES = {"insert": "inserts", "update": "updates", "delete": "deletes"}
SAVEPOINT = re.compile(r"\s*SAVEPOINT\b", re.IGNORECASE)
WAITED_MS = 50.0  # between the writes: the rows come as slowly as that, and are kept as they come


@dataclass(frozen=True)
class Written:
    """Executions of one expression in one request that write a row each, and the loop around."""

    request: Request
    queries: tuple[Query, ...]
    loop: Loop
    cause: Site
    rereads: bool

    @property
    def rows(self) -> int:
        return sum(query.batch for query in self.queries)


def written(trace: Trace, loops: Loops) -> Iterator[Written]:
    """Everything that loops of the application write row by row."""
    for request in trace.requests:
        for queries in _groups(request):
            found = _single(request, queries, loops) or _batched(request, queries, loops)
            if found is not None:
                yield found


def findings(trace: Trace, id: str, found: Sequence[Written]) -> Iterator[Finding]:
    """One finding per expression that writes, over all endpoints."""
    by_cause: defaultdict[Site, list[Written]] = defaultdict(list)
    for one in found:
        by_cause[one.cause].append(one)
    for cause, same in by_cause.items():
        yield _finding(trace, id, cause, same)


def _finding(trace: Trace, id: str, cause: Site, same: Sequence[Written]) -> Finding:
    main = max(same, key=lambda one: one.rows)
    query = main.queries[0]
    target = _target(query)
    mine = [one for one in same if _target(one.queries[0]) == target]
    endpoints = views.by_weight([views.Group(one.request, one.queries) for one in same])
    saved = [each for one in same for each in one.queries * one.queries[0].batch][len(same) :]
    price = views.cost(trace, endpoints, saved, sum(_ms(one) for one in same))
    rows = median(one.rows for one in mine)
    does = f"{NAMES[query.kind]} {rows:g} rows one by one"
    others = dict.fromkeys(_target(one.queries[0]) for one in same)
    return Finding(
        id=id,
        title=f"{endpoints[0]} {does}{views.place(cause)}",
        severity=views.severity(price),
        confidence=_confidence(same),
        endpoints=tuple(endpoints),
        cause=cause,
        symptom=query.stack[0],
        evidence=WriteEvidence(
            operation=query.kind,  # type: ignore[arg-type]
            orm=query.load.orm if query.load is not None else "",
            model=query.load.model if query.load is not None else "",
            writes=float(rows),
            stack=query.stack,
            loop=main.loop.place,
            others=tuple(str(name) for name in others if name != target),
            rereads=any(one.rereads for one in same),
            shape=query.shape,
            example_sql=query.sql,
        ),
        cost=price,
    )


def _confidence(same: Sequence[Written]) -> Confidence:
    return "certain" if all(one.loop.depth == 0 for one in same) else "likely"


def _ms(one: Written) -> float:
    return sum(query.duration_ms for query in one.queries) * (1 - 1 / one.rows)


def _target(query: Query) -> str:
    """The model that is written, or the table."""
    if query.load is not None and query.load.model:
        return query.load.model
    return next(iter(statements.tables(query.sql) or ()), query.fingerprint)


def _groups(request: Request) -> list[tuple[Query, ...]]:
    """The request's writes by what is written, from where, in which schema."""
    found: defaultdict[Hashable, list[Query]] = defaultdict(list)
    tenant = 0
    for query in request.queries:
        if query.kind == "other" and views.SWITCH.match(query.sql):
            tenant += 1
        elif query.kind in WRITES and query.stack:
            found[tenant, query.database, query.kind, _target(query), query.stack].append(query)
    return [tuple(queries) for queries in found.values()]


def _single(request: Request, queries: tuple[Query, ...], loops: Loops) -> Written | None:
    """One statement for each row."""
    if len(queries) < views.MIN_REPEATS or not _is_row_by_row(queries):
        return None
    between = _between(request, queries)
    if _is_apart(request, queries, between):
        return None
    loop = loops.around(queries[0].stack)
    if loop is None or loop.is_guarded:
        return None
    return Written(request, queries, loop, queries[0].stack[0], _rereads(queries[0], between))


def _is_row_by_row(queries: Sequence[Query]) -> bool:
    rows = median(1 if query.rows is None else query.rows for query in queries)
    sets = {views.statement(query) for query in queries}
    varies = len(sets) >= views.MIN_REPEATS or queries[0].kind == "insert"
    return rows <= 1 and any(query.rows != 0 for query in queries) and varies


def _between(request: Request, queries: Sequence[Query]) -> list[Query]:
    """What else ran from the first of the writes to the last."""
    own = {id(query) for query in queries}
    places = [n for n, query in enumerate(request.queries) if id(query) in own]
    inside = request.queries[places[0] : places[-1]]
    return [query for query in inside if id(query) not in own]


def _is_apart(request: Request, queries: Sequence[Query], between: Sequence[Query]) -> bool:
    """Whether each write is on its own for a reason: a savepoint, a lock, an upsert, a wait."""
    savepoints = sum(bool(SAVEPOINT.match(query.sql)) for query in between)
    locked = any(views.LOCKING.search(query.sql) for query in between if query.kind == "select")
    site = queries[0].stack[0]
    looked = any(query.kind == "select" and query.stack[:1] == (site,) for query in request.queries)
    return savepoints * 2 >= len(queries) or locked or looked or _waits(queries, between)


def _waits(queries: Sequence[Query], between: Sequence[Query]) -> bool:
    asked = sum(query.duration_ms for query in between) / max(1, len(queries) - 1)
    gaps = [
        after.start_ms - before.start_ms - before.duration_ms for before, after in pairwise(queries)
    ]
    return median(gaps) - asked >= WAITED_MS


def _rereads(query: Query, between: Sequence[Query]) -> bool:
    own = statements.tables(query.sql) or frozenset()
    reads = (one for one in between if one.kind == "select")
    return any(own & (statements.tables(one.sql) or own) for one in reads)


def _batched(request: Request, queries: tuple[Query, ...], loops: Loops) -> Written | None:
    """What a session sends row by row when it is flushed, for changes that a loop made."""
    query = max(queries, key=lambda one: one.batch)
    sent = query.kind in ("update", "delete") and query.batch >= views.MIN_REPEATS
    if not sent or query.load is None or query.load.orm != "sqlalchemy" or len(queries) > 1:
        return None
    loop = loops.changing(query.stack, query.kind) if _was_read(request, query) else None
    if loop is None or loop.is_guarded or loop.change is None:
        return None
    return Written(request, (query,), loop, loop.change, rereads=False)


def _was_read(request: Request, query: Query) -> bool:
    """Whether the request had read the rows before, many at once."""
    model = query.load.model if query.load is not None else ""
    counts = Counter[str]()
    for one in request.queries:
        if one is query:
            break
        if one.kind == "select" and one.load is not None:
            queried = one.load.queryset
            name = one.load.model or (queried.model if queried is not None else "")
            counts[name] = max(counts[name], one.rows or 0)
    return counts[model] >= views.MIN_REPEATS
