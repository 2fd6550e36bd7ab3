"""repeated-query: a request asks the database once per row for what one query could bring."""

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

from unslow.lab.diagnose import _views as views
from unslow.lab.diagnose._few import per_row
from unslow.lab.diagnose._own_querysets import with_own_querysets
from unslow.lab.diagnose._views import Group
from unslow.model import (
    Finding,
    Query,
    RepeatedLoad,
    RepeatEvidence,
    Site,
    Trace,
)
from unslow.model.finding import Confidence
from unslow.rules.causes import repeat_site, shared_sites

Value = TypeVar("Value", bound=Hashable)


def find(trace: Trace) -> Iterator[Finding]:
    """One finding per expression that causes repeats, over all endpoints and relations."""
    shared, outer = shared_sites(trace), views.outer_sites(trace)
    trace = with_own_querysets(trace)
    by_cause: defaultdict[Site, list[Group]] = defaultdict(list)
    for request in trace.requests:
        for group in views.groups(request):
            if views.is_repeated(group) and (cause := repeat_site(group, shared, outer)):
                by_cause[cause].append(group)
    known = {(cause, _load_key(one.queries[0])) for cause, of in by_cause.items() for one in of}
    few: defaultdict[Site, list[Group]] = defaultdict(list)
    for group in per_row(trace):
        cause = repeat_site(group, shared, outer)
        if cause and (cause, _load_key(group.queries[0])) not in known:
            few[cause].append(group)
    for cause, groups in by_cause.items():
        more = few.pop(cause, [])  # the same rows lack these relations too
        yield _finding(trace, cause, [*groups, *more], _confidence(groups), outer)
    for cause, groups in few.items():
        yield _finding(trace, cause, groups, "likely", outer)


def _finding(
    trace: Trace,
    cause: Site,
    groups: Sequence[Group],
    confidence: Confidence,
    outer: Collection[Site],
) -> Finding:
    by_load: defaultdict[Hashable, list[Group]] = defaultdict(list)
    for group in groups:
        by_load[_load_key(group.queries[0])].append(group)
    ordered = sorted(by_load.values(), key=lambda same: -sum(group.ms for group in same))
    loads = tuple(_load(same) for same in ordered)
    endpoints = views.by_weight(groups)
    saved = [query for group in groups for query in _saved(group)]
    price = views.cost(trace, endpoints, saved, sum(query.duration_ms for query in saved))
    return Finding(
        id="repeated-query",
        title=_title(endpoints[0], groups, cause),
        severity=views.severity(price),
        confidence=confidence,
        endpoints=tuple(endpoints),
        cause=cause,
        symptom=next((use for use in loads[0].uses if use not in outer), None),
        evidence=RepeatEvidence(loads),
        cost=price,
    )


def _load_key(query: Query) -> Hashable:
    """What makes two repeats the same: the way from the parents, and what is asked there."""
    load = query.load
    if load is None or load.origin is None or not views.is_relation(query):
        return query.fingerprint
    return (*_path(query), load.kind, query.fingerprint)


def _path(query: Query) -> tuple[str, ...]:
    load = query.load
    if load is None or not load.relation:
        return ()
    return (*(load.origin.path if load.origin is not None else ()), load.relation)


def _load(groups: Sequence[Group]) -> RepeatedLoad:
    queries = [query for group in groups for query in group.queries]
    costliest = max(queries, key=lambda query: query.duration_ms)
    return RepeatedLoad(
        shape=costliest.shape,
        fingerprint=costliest.fingerprint,
        repeats=views.median_repeats(groups),
        load=costliest.load,
        relation_path=_path(costliest),
        uses=_most_common(query.stack[0] for query in queries if query.stack),
        through=_most_common(name for query in queries for name in query.through),
        example_sql=costliest.sql,
    )


def _most_common(values: Iterable[Value]) -> tuple[Value, ...]:
    return tuple(value for value, _ in Counter(values).most_common())


def _saved(group: Group) -> tuple[Query, ...]:
    """A join leaves none of the queries, a prefetch or an annotation's subquery at most one."""
    load = group.queries[0].load
    return group.queries if load is not None and load.kind == "forward" else group.queries[1:]


def _title(endpoint: str, groups: Sequence[Group], cause: Site) -> str:
    mine = [group for group in groups if group.request.endpoint == endpoint]
    repeats = views.median_repeats(mine)
    shapes = len({group.queries[0].fingerprint for group in mine})
    what = "one shape" if shapes == 1 else f"{shapes} shapes"
    return f"{endpoint} runs {repeats:g} queries of {what}{views.place(cause)}"


def _confidence(groups: Sequence[Group]) -> Confidence:
    """Certain when the load names its relation, or the repeats follow the rows of another query."""
    if all(views.is_relation(group.queries[0]) for group in groups) or _follows_rows(groups):
        return "certain"
    return "likely"


def _follows_rows(groups: Sequence[Group]) -> bool:
    counts = {len(group.queries) for group in groups}
    return len(counts) > 1 and all(
        len(group.queries) in {query.rows for query in group.request.queries} for group in groups
    )
