"""cache-scan: a request looks through all keys of the cache for those that match a pattern."""

from collections.abc import Hashable, Iterator, Sequence

from unslow.lab.diagnose import _cache_calls as cache
from unslow.lab.diagnose import _views as views
from unslow.lab.diagnose._cache_calls import Calls
from unslow.model import CacheCall, CacheEvidence, Finding, Site, Trace

SCANS = frozenset({"KEYS", "SCAN"})


def find(trace: Trace) -> Iterator[Finding]:
    """One finding for each expression that walks over the keyspace within a request."""
    scans = [group for one in trace.requests for group in cache.grouped(one, _identity)]
    for cause, groups in cache.by_site(scans):
        yield _finding(trace, cause, groups)


def _identity(call: CacheCall) -> Hashable | None:
    return (call.command, call.stack) if call.command in SCANS and call.stack else None


def _finding(trace: Trace, cause: Site, groups: Sequence[Calls]) -> Finding:
    names = cache.endpoints(groups)
    calls = [call for group in groups for call in group.calls]
    price = cache.cost(trace, names, len(calls), sum(call.duration_ms for call in calls))
    first = calls[0]
    pattern = f" for {first.key}" if first.command == "KEYS" else ""
    return Finding(
        id="cache-scan",
        title=f"{names[0]} looks through all keys of the cache{pattern} ({first.command})"
        f"{views.place(cause)}",
        severity="high" if first.command == "KEYS" else "medium",
        confidence="certain",
        endpoints=names,
        cause=cause,
        symptom=first.stack[1] if len(first.stack) > 1 else cause,
        evidence=CacheEvidence(
            command=first.command,
            key=first.key,
            calls=float(cache.per_request(groups)),
            uses=(cause,),
        ),
        cost=price,
    )
