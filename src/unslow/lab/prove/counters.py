"""Exact counters of the recorder: what an endpoint asks of its database, before and after."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from unslow.model import Counters, Request
from unslow.model.budget import COUNTERS, Counter


@dataclass(frozen=True)
class Counted:
    """Means per request of one endpoint."""

    requests: int
    queries: float
    rows: float
    bytes: float


def count(requests: Iterable[tuple[str, Request]]) -> dict[str, Counted]:
    """The counters by endpoint; the endpoint is the call's, whatever route the recorder saw."""
    grouped: dict[str, list[Request]] = {}
    for endpoint, request in requests:
        grouped.setdefault(endpoint, []).append(request)
    return {endpoint: _counted(group) for endpoint, group in grouped.items()}


def rows(request: Request) -> int:
    """The rows that the statements of a request gave or changed, as far as the driver knows."""
    return sum(query.rows or 0 for query in request.queries)


def queries(
    before: dict[str, Counted], after: dict[str, Counted], endpoints: Collection[str]
) -> Counters | None:
    """Queries per request over `endpoints`; None when the recorder saw none of them."""
    return per_request("queries", before, after, endpoints)


def per_request(
    name: Counter,
    before: Mapping[str, Counted],
    after: Mapping[str, Counted],
    endpoints: Collection[str],
) -> Counters | None:
    """One counter per request over `endpoints`; None when the recorder saw none of them."""
    both = [end for end in endpoints if end in before and end in after]
    if not both:
        return None
    return Counters(
        fmean(getattr(before[end], name) for end in both),
        fmean(getattr(after[end], name) for end in both),
    )


def improved(before: dict[str, Counted], after: dict[str, Counted], endpoint: str) -> bool:
    """Whether any counter fell. A good index may leave all of them as they were."""
    if endpoint not in before or endpoint not in after:
        return False
    return any(
        getattr(after[endpoint], name) < getattr(before[endpoint], name) for name in COUNTERS
    )


def _counted(requests: Sequence[Request]) -> Counted:
    return Counted(
        len(requests),
        fmean(len(request.queries) for request in requests),
        fmean(map(rows, requests)),
        fmean(request.response_bytes for request in requests),
    )
