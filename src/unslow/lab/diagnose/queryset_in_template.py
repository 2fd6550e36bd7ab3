"""queryset-in-template: a template asks the database by itself, where no view shows it."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from statistics import median_high

from unslow.lab.diagnose import _views as views
from unslow.lab.diagnose._few import per_row
from unslow.lab.diagnose._views import Group
from unslow.model import Finding, Query, RepeatedLoad, RepeatEvidence, Request, Site, Trace

MIN_QUERIES = 3  # of one request; one or two detail rows are how templates are written
KINDS = frozenset({"select", "get", "reverse", "count", "exists", "aggregate"})


def find(trace: Trace) -> Iterator[Finding]:
    """One finding per place that renders, over all endpoints; repeats are findings already."""
    few = {id(query) for group in per_row(trace) for query in group.queries}
    by_cause: defaultdict[Site, list[Group]] = defaultdict(list)
    for request in trace.requests:
        repeated = {
            id(query)
            for group in views.groups(request)
            if views.is_repeated(group)
            for query in group.queries
        }
        own = [
            query
            for query in request.queries
            if id(query) not in repeated | few and _is_asked_by_template(query)
        ]
        if len(own) >= MIN_QUERIES and (cause := _cause(request, own)):
            by_cause[cause].append(Group(request, tuple(own)))
    for cause, groups in by_cause.items():
        yield _finding(trace, cause, groups)


def _is_asked_by_template(query: Query) -> bool:
    """Whether the template made the queryset itself, not a view, a tag or a property."""
    load = query.load
    if load is None or load.kind not in KINDS or query.kind != "select" or not query.through:
        return False
    return load.queryset is None or not any(link.direct for link in load.queryset.links)


def _cause(request: Request, queries: Sequence[Query]) -> Site | None:
    """The expression that renders; the view where a library does it."""
    sites = Counter(query.stack[0] for query in queries if query.stack)
    return sites.most_common(1)[0][0] if sites else request.view


def _finding(trace: Trace, cause: Site, groups: Sequence[Group]) -> Finding:
    endpoints = views.by_weight(groups)
    queries = [query for group in groups for query in group.queries]
    price = views.cost(trace, endpoints, queries, sum(query.duration_ms for query in queries))
    count = median_high(len(group.queries) for group in groups)
    lines = Counter(name for query in queries for name in query.through)
    where = ", ".join(line for line, _ in lines.most_common(3))
    return Finding(
        id="queryset-in-template",
        title=f"{endpoints[0]} runs {count} queries from its templates: {where}"
        + views.place(cause),
        severity=views.severity(price),
        confidence="certain",
        endpoints=tuple(endpoints),
        cause=cause,
        symptom=None,
        evidence=RepeatEvidence(tuple(_loads(groups[0].queries))),
        cost=price,
    )


def _loads(queries: Sequence[Query]) -> Iterator[RepeatedLoad]:
    for query in queries:
        yield RepeatedLoad(
            shape=query.shape,
            fingerprint=query.fingerprint,
            repeats=1.0,
            load=query.load,
            uses=query.stack[:1],
            through=query.through,
            example_sql=query.sql,
        )
