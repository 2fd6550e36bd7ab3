"""Few repeats that are one for each row all the same: a database with three rows per table."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence

from unslow.lab.diagnose import _statements as statements
from unslow.lab.diagnose import _views as views
from unslow.lab.diagnose._views import MIN_REPEATS, Group
from unslow.model import Query, Request, Trace

MIN_FEW = 2
MIN_LOOKUPS = 3  # of a statement that names no relation; two may follow two rows by chance


def per_row(trace: Trace) -> Iterator[Group]:
    """Groups below `MIN_REPEATS` that grow with the rows of the query whose rows they are for."""
    for request in trace.requests:
        yield from _relations(request)
    yield from _lookups(trace)


def _relations(request: Request) -> Iterator[Group]:
    """A relation read of every row of a result, each row once."""
    for group in views.groups(request):
        first = group.queries[0]
        if not MIN_FEW <= len(group.queries) < MIN_REPEATS or not views.is_relation(first):
            continue
        keys = {query.load.parent_key for query in group.queries if query.load}
        rows = _rows_of_parents(request, first)
        each = None not in keys and rows == len(keys) == len(group.queries)
        if each and views.may_be_per_row(group):
            yield group


def _rows_of_parents(request: Request, query: Query) -> int | None:
    """How many rows the parents' query returned; None when a constant bounds it."""
    origin = query.load.origin if query.load else None
    if origin is None or origin.path:
        return None
    made = [
        one
        for one in request.queries
        if one.load
        and one.load.queryset
        and one.load.queryset.id == origin.id
        and one.load.kind in ("select", "reverse")
    ]
    if len(made) != 1 or (_is_bounded(made[0]) and not _is_last_page(made[0], request)):
        return None
    return made[0].rows


def _is_last_page(query: Query, request: Request) -> bool:
    """Whether its rows were counted before: a paginator asks for no more than there are left."""
    model = query.load.model if query.load else ""
    counted = (
        one.load
        for one in request.queries
        if one.start_ms < query.start_ms and one.load and one.load.kind == "count"
    )
    return bool(model) and any(load.model == model for load in counted)


def _lookups(trace: Trace) -> Iterator[Group]:
    """One statement from one place, as often as another query of the request has rows.

    Only where that differs between requests: a loop over a constant does not follow any rows.
    """
    seen: defaultdict[Hashable, list[Group]] = defaultdict(list)
    for request in trace.requests:
        for group in views.groups(request):
            first = group.queries[0]
            if not views.is_relation(first) and first.stack and len(group.queries) < MIN_REPEATS:
                key = (request.endpoint, first.fingerprint, first.stack, first.through)
                seen[key].append(group)
    for groups in seen.values():
        sizes = {len(group.queries) for group in groups}
        if len(sizes) > 1 and max(sizes) >= MIN_LOOKUPS and _follow(groups):
            yield from (group for group in groups if len(group.queries) >= MIN_FEW)


def _follow(groups: Sequence[Group]) -> bool:
    """Whether one other statement had as many rows as there were repeats, in every request."""
    leaders = set.intersection(*(_leaders(group) for group in groups))
    return bool(leaders) and all(
        views.may_be_per_row(group) and _differ(group.queries) for group in groups
    )


def _leaders(group: Group) -> set[str]:
    size, first = len(group.queries), group.queries[0]
    return {
        query.fingerprint
        for query in group.request.queries
        if query.rows == size
        and query.kind == "select"
        and query.start_ms < first.start_ms
        and query.fingerprint != first.fingerprint
        and not _is_bounded(query)
    }


def _differ(queries: Sequence[Query]) -> bool:
    return len({views.statement(query) for query in queries}) == len(queries)


def _is_bounded(query: Query) -> bool:
    """Whether a LIMIT keeps the rows below what counts as repeats."""
    text = statements.limit(query.sql)
    if text.startswith("$"):
        position = int(text[1:].partition(":")[0]) - 1
        given = query.parameters or ()
        text = given[position] if position < len(given) else "0"
    return text.isdigit() and int(text) < MIN_REPEATS
