"""Traces of an endpoint that was observed at 1×, 4× and 16× its data."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from tests.builders import Queries, request, trace
from unslow.lab.growth.classifying import classify
from unslow.lab.growth.counting import Reading, Size
from unslow.model import Model, Plan, PlanNode, Request, Table, Trace

SIZES = (1, 4, 16)


def grown(
    at: Sequence[Queries],
    *,
    read: Mapping[str, Sequence[int]] | None = None,
    bytes: Sequence[int] = (1000, 4000, 16000),
    method: str = "GET",
    plans: Sequence[Plan] = (),
    models: Sequence[Model] = (),
    tables: Sequence[Table] = (),
) -> Trace:
    """What the endpoint runs at each size; `read` has the rows that an execution reads, by SQL."""
    requests = [
        replace(_request(method, queries), response_bytes=size)
        for queries, size in zip(at, bytes, strict=True)
    ]
    counted = [
        Size({f"{method} list/": {0: one}}, _readings(one, read or {}, place), True)
        for place, one in enumerate(requests)
    ]
    last = trace(request(method, "list/", at[-1]), plans=plans, models=models, tables=tables)
    return replace(last, growth=classify(SIZES, counted))


def _request(method: str, queries: Queries) -> Request:
    return replace(request(method, "list/", queries)(0), id="observe-0-0")


def _readings(
    one: Request, read: Mapping[str, Sequence[int]], place: int
) -> dict[tuple[str, str], Reading]:
    return {
        (one.endpoint, query.fingerprint): Reading(read[query.sql][place], 1)
        for query in one.queries
        if query.sql in read
    }


def plan(queries: Queries, rows: int, removed: int, *, top: str = "", limit: int = 0) -> Plan:
    """A scan that keeps `rows`, below a node `top` that gives `limit` of them."""
    [query] = queries.all
    root = PlanNode("Seq Scan", "item", "item", rows=rows, rows_removed=removed, filter="(f)")
    if top:
        root = PlanNode(top, rows=limit, children=(root,))
    return Plan(query.fingerprint, query.sql, 1.0, root)
