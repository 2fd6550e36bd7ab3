"""Rows of a relation that the source reads of one parent alone: `event.questions.all()`.

What is read of such rows belongs into that expression, not to the query that made the parent.
"""

from collections import Counter
from collections.abc import Collection, Iterator

import msgspec

from unslow.model import Link, Load, Origin, Query, Request, Trace
from unslow.rules.causes import ENDINGS

Place = tuple[str, tuple[str, ...]]  # a queryset, and the way from its rows


def with_own_querysets(trace: Trace) -> Trace:
    """The trace with the origin of each row at the last queryset that stands in the source."""
    often = frozenset(_read_for_many(trace))
    requests = tuple(_with_own(request, often) for request in trace.requests)
    return msgspec.structs.replace(trace, requests=requests)


def _read_for_many(trace: Trace) -> Iterator[str]:
    """Querysets that some request runs for several parents."""
    for request in trace.requests:
        runs = Counter(made.id for query in request.queries if (made := _written(query.load)))
        yield from (name for name, count in runs.items() if count > 1)


def _with_own(request: Request, often: Collection[str]) -> Request:
    own: dict[Place, Origin] = {}
    for query in request.queries:
        made, load = _written(query.load), query.load
        if made and load and load.origin and made.id not in often:
            own[load.origin.id, (*load.origin.path, load.relation)] = made
    if not own:
        return request
    queries = tuple(_moved(query, own) for query in request.queries)
    return msgspec.structs.replace(request, queries=queries)


def _written(load: Load | None) -> Origin | None:
    """The queryset of a relation read as it is, where the application's source states it."""
    if load is None or load.kind != "reverse" or not load.plain or load.queryset is None:
        return None
    return load.queryset if any(map(_is_written, load.queryset.links)) else None


def _is_written(link: Link) -> bool:
    return bool(link.direct and link.stack and link.operation not in ENDINGS)


def _moved(query: Query, own: dict[Place, Origin]) -> Query:
    load = query.load
    if load is None or load.origin is None:
        return query
    origin = load.origin
    for length in range(len(origin.path), 0, -1):
        made = own.get((origin.id, origin.path[:length]))
        if made is not None:
            nearer = msgspec.structs.replace(made, path=origin.path[length:])
            moved = msgspec.structs.replace(load, origin=nearer)
            return msgspec.structs.replace(query, load=moved)
    return query
