"""From the counters at each size to the growth of every endpoint."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from statistics import fmean

from unslow.lab.growth.counting import Reading, Size
from unslow.lab.growth.fitting import fit
from unslow.model import Request
from unslow.model.growth import EndpointGrowth, Growth, GrowthCounter, StatementGrowth

UNREAD = Reading(0, 0)


def classify(sizes: Sequence[int], counted: Sequence[Size]) -> tuple[EndpointGrowth, ...]:
    """One for each endpoint that answered some call at every size."""
    found = []
    for endpoint in counted[0].calls:
        known = [size.calls.get(endpoint, {}) for size in counted]
        common = set.intersection(*(set(calls) for calls in known))
        if common:
            requests = [[calls[number] for number in sorted(common)] for calls in known]
            found.append(_endpoint(endpoint, sizes, counted, requests))
    return tuple(found)


def _endpoint(
    endpoint: str,
    sizes: Sequence[int],
    counted: Sequence[Size],
    requests: Sequence[Sequence[Request]],
) -> EndpointGrowth:
    statements = tuple(_statements(endpoint, counted, requests))
    values = _values(endpoint, counted, requests)
    fits = {name: fit(sizes, amounts) for name, amounts in values.items()}
    growth = Growth(
        sizes=tuple(sizes),
        queries=fits["queries"].growth,
        rows_returned=fits["rows_returned"].growth,
        bytes=fits["bytes"].growth,
        rows_read=fits["rows_read"].growth if "rows_read" in fits else None,
        blocks=fits["blocks"].growth if "blocks" in fits else None,
        values=values,
        fits=fits,
    )
    return EndpointGrowth(endpoint, growth, statements)


def _values(
    endpoint: str, counted: Sequence[Size], requests: Sequence[Sequence[Request]]
) -> dict[GrowthCounter, tuple[float, ...]]:
    found: dict[GrowthCounter, tuple[float, ...]] = {
        "queries": tuple(fmean(len(one.queries) for one in group) for group in requests),
        "rows_returned": tuple(fmean(map(_returned, group)) for group in requests),
        "bytes": tuple(fmean(one.response_bytes for one in group) for group in requests),
    }
    if all(size.is_read for size in counted):
        readings = [
            [_read(endpoint, size, request) for request in group]
            for size, group in zip(counted, requests, strict=True)
        ]
        found["rows_read"] = tuple(fmean(one.rows for one in group) for group in readings)
        found["blocks"] = tuple(fmean(one.blocks for one in group) for group in readings)
    return {name: tuple(round(one, 2) for one in amounts) for name, amounts in found.items()}


def _returned(request: Request) -> int:
    return sum(query.rows or 0 for query in request.queries if query.kind == "select")


def _read(endpoint: str, size: Size, request: Request) -> Reading:
    rows = blocks = 0
    for query in request.queries:
        reading = size.readings.get((endpoint, query.fingerprint), UNREAD)
        rows += reading.rows
        blocks += reading.blocks
    return Reading(rows, blocks)


def _statements(
    endpoint: str, counted: Sequence[Size], requests: Sequence[Sequence[Request]]
) -> Iterator[StatementGrowth]:
    names = dict.fromkeys(
        query.fingerprint
        for group in requests
        for request in group
        for query in request.queries
        if query.kind == "select"
    )
    runs = [
        Counter(query.fingerprint for request in group for query in request.queries)
        for group in requests
    ]
    returned = [_returned_by_statement(group) for group in requests]
    for name in names:
        executions = tuple(
            round(run[name] / len(group), 2) for run, group in zip(runs, requests, strict=True)
        )
        yield StatementGrowth(
            fingerprint=name,
            executions=executions,
            returned=tuple(
                round(rows[name] / len(group), 2)
                for rows, group in zip(returned, requests, strict=True)
            ),
            read=tuple(
                round(size.readings.get((endpoint, name), UNREAD).rows * many, 2)
                for size, many in zip(counted, executions, strict=True)
            ),
        )


def _returned_by_statement(requests: Sequence[Request]) -> dict[str, int]:
    rows: defaultdict[str, int] = defaultdict(int)
    for request in requests:
        for query in request.queries:
            rows[query.fingerprint] += query.rows or 0
    return rows
