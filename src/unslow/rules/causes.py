"""Which expression made the rows: the place where an eager load or an index belongs."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable

from unslow.model import Link, Load, Origin, Query, Request, Site, Trace
from unslow.rules.repeats import Group, is_relation

MANAGER_METHOD = re.compile(r"(?:Manager|QuerySet|Queryset)\.[^.]+$")
ENDINGS = frozenset(  # steps that consume a queryset: what is added to it belongs before them
    {"__getitem__", "get", "first", "last", "earliest", "latest", "in_bulk", "count", "exists"}
    | {"aggregate", "iterator", "get_object_or_404", "get_list_or_404", "get_one"}
    | {"execute", "scalars", "scalar", "stream", "stream_scalars", "iterate"}
)


def shared_sites(trace: Trace) -> frozenset[Site]:
    """Expressions that extend the querysets of several models: filters and scopes of a project.

    An eager load does not belong there.
    """
    models: defaultdict[Site, set[str]] = defaultdict(set)
    for origin in _origins(trace):
        for link in origin.links:
            if link.stack:
                models[link.stack[0]].add(origin.model)
    return frozenset(site for site, names in models.items() if len(names) > 1)


def origin_site(origin: Origin, uses: Iterable[Query], shared: Collection[Site]) -> Site | None:
    """The expression that builds `origin`: the last one that application code wrote for it.

    An expression that is still being evaluated while the rows are used (a middleware's
    `get_response`, a view's `super().list()`, `render()`) cannot have returned the queryset.
    """
    running = frozenset(site for query in uses for site in query.stack)
    places = [
        (link, place) for link in origin.links if (place := _place(link, running)) is not None
    ]
    for rule in (_written, _direct, _anyhow):
        for avoided in (shared, ()):
            fitting = [place for link, place in places if rule(link) and place not in avoided]
            if fitting:
                return fitting[-1]
    return None


def query_site(query: Query, shared: Collection[Site]) -> Site | None:
    """The expression that states `query`: its queryset or statement, else the call that ran it."""
    load = query.load
    if load is None or load.queryset is None:
        return _caller(query)
    states = load.kind == "select" or load.orm == "sqlalchemy"
    return (origin_site(load.queryset, (), shared) if states else None) or _caller(query)


def statement_site(query: Query, request: Request, shared: Collection[Site]) -> Site | None:
    """Where the text of `query` comes from, whatever ran it: chain, call, parent's chain, view."""
    load = query.load or Load("select", "django")
    if load.queryset is not None and (place := origin_site(load.queryset, (), shared)):
        return place
    if query.stack:
        return query.stack[0]
    if load.origin is not None and (place := origin_site(load.origin, (query,), shared)):
        return place
    return request.view


def repeat_site(group: Group, shared: Collection[Site], outer: Collection[Site]) -> Site | None:
    """The expression that made the parents, or the repeated statement itself without parents.

    `outer` are expressions that run the code of several endpoints.
    """
    first = group.queries[0]
    origin = first.load.origin if first.load is not None else None
    if origin is None or not is_relation(first):
        return query_site(first, shared)
    return origin_site(origin, group.queries, shared) or _nearest(first, group.request, outer)


def _nearest(query: Query, request: Request, outer: Collection[Site]) -> Site | None:
    """A library made the parents: the line that uses them, else the view."""
    near = next(iter(query.stack), None)
    return request.view or near if near in outer else near or request.view


def _caller(query: Query) -> Site | None:
    return query.stack[0] if query.stack else None


def _written(link: Link) -> bool:
    asynchronous = link.operation[:1] == "a" and link.operation[1:] in ENDINGS
    return link.direct and link.operation not in ENDINGS and not asynchronous


def _direct(link: Link) -> bool:
    return link.direct


def _anyhow(link: Link) -> bool:
    return True


def _place(link: Link, running: Collection[Site]) -> Site | None:
    inner = max(link.manager_frames, _named_managers(link.stack))
    callers = [site for site in link.stack[: inner + 1] if site not in running]
    return callers[-1] if callers else None


def _named_managers(stack: tuple[Site, ...]) -> int:
    outer = (n for n, site in enumerate(stack) if not MANAGER_METHOD.search(site.function))
    return next(outer, len(stack))


def _origins(trace: Trace) -> Iterable[Origin]:
    seen = {}
    for request in trace.requests:
        for query in request.queries:
            load = query.load
            for origin in (load.origin, load.queryset) if load is not None else ():
                if origin is not None:
                    seen[origin.id, origin.model] = origin
    return seen.values()
