"""Exact counters of the recorder: what an endpoint asks of its database, before and after."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from unslow.model import Counters, Request

COUNTER_NAMES = ("queries", "rows", "bytes")


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


def queries(
    before: dict[str, Counted], after: dict[str, Counted], endpoints: Collection[str]
) -> Counters | None:
    """Queries per request over `endpoints`; None when the recorder saw none of them."""
    both = [end for end in endpoints if end in before and end in after]
    if not both:
        return None
    return Counters(
        fmean(before[end].queries for end in both), fmean(after[end].queries for end in both)
    )


def improved(before: dict[str, Counted], after: dict[str, Counted], endpoint: str) -> bool:
    """Whether any counter fell. A good index may leave all of them as they were."""
    if endpoint not in before or endpoint not in after:
        return False
    return any(
        getattr(after[endpoint], name) < getattr(before[endpoint], name) for name in COUNTER_NAMES
    )


def _counted(requests: Sequence[Request]) -> Counted:
    return Counted(
        len(requests),
        fmean(len(request.queries) for request in requests),
        fmean(sum(query.rows or 0 for query in request.queries) for request in requests),
        fmean(request.response_bytes for request in requests),
    )
