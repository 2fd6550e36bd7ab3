"""What several detectors compute from a trace: repeats within a request, totals, severities."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import median_high

from unslow.model import Cost, Query, Site, Trace
from unslow.model.finding import Severity
from unslow.rules.repeats import IN_LIST as IN_LIST
from unslow.rules.repeats import LOCKING as LOCKING
from unslow.rules.repeats import MIN_REPEATS as MIN_REPEATS
from unslow.rules.repeats import PAGED as PAGED
from unslow.rules.repeats import SWITCH as SWITCH
from unslow.rules.repeats import Group as Group
from unslow.rules.repeats import groups as groups
from unslow.rules.repeats import is_eager as is_eager
from unslow.rules.repeats import is_nested as is_nested
from unslow.rules.repeats import is_relation as is_relation
from unslow.rules.repeats import is_repeated as is_repeated
from unslow.rules.repeats import may_be_per_row as may_be_per_row
from unslow.rules.repeats import statement as statement

HIGH_SHARE, MEDIUM_SHARE = 0.2, 0.05  # of all traffic's time
HIGH_QUERIES, MEDIUM_QUERIES = 50, 10  # per request


def cost(trace: Trace, endpoints: Sequence[str], queries: Sequence[Query], ms: float) -> Cost:
    """Of `queries` that take `ms` together, per request of `endpoints`."""
    requests = sum(request.endpoint in endpoints for request in trace.requests) or 1
    total = sum(request.duration_ms for request in trace.requests)
    return Cost(
        queries_per_request=round(len(queries) / requests, 2),
        ms_per_request=round(ms / requests, 3),
        share=round(min(1.0, ms / total), 4) if total else 0.0,
    )


def severity(price: Cost) -> Severity:
    if price.share >= HIGH_SHARE or price.queries_per_request >= HIGH_QUERIES:
        return "high"
    if price.share >= MEDIUM_SHARE or price.queries_per_request >= MEDIUM_QUERIES:
        return "medium"
    return "low"


def by_weight(groups: Sequence[Group]) -> list[str]:
    """The endpoints of the groups, the one that pays most first."""
    weights: defaultdict[str, float] = defaultdict(float)
    for group in groups:
        weights[group.request.endpoint] += group.ms
    return sorted(weights, key=lambda endpoint: (-weights[endpoint], endpoint))


def median_repeats(groups: Sequence[Group]) -> float:
    """How often the groups ran in the median request."""
    per_request: defaultdict[str, int] = defaultdict(int)
    for group in groups:
        per_request[group.request.id] += len(group.queries)
    return float(median_high(per_request.values()))


def outer_sites(trace: Trace) -> frozenset[Site]:
    """Expressions that run the code of several endpoints: middleware, views that others extend.

    What is set off below them is not theirs to show.
    """
    below: defaultdict[Site, set[str]] = defaultdict(set)
    for request in trace.requests:
        for site in {site for query in request.queries for site in query.stack[1:]}:
            below[site].add(request.endpoint)
    return frozenset(site for site, endpoints in below.items() if len(endpoints) > 1)


def place(site: Site | None) -> str:
    if site is None:
        return ""
    return f" ({site.path}:{site.line} in {site.function.rpartition('.')[2] or site.function})"
