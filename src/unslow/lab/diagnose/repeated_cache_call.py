"""repeated-cache-call: the cache is asked once for each row, where one call asks for all."""

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from statistics import median_high

from unslow.lab.diagnose import _cache_calls as cache
from unslow.lab.diagnose import _views as views
from unslow.lab.diagnose._cache_calls import Calls
from unslow.model import CacheCall, CacheEvidence, Finding, Site, Trace

# Walk on by a cursor, wait, or pass messages: many of them are meant to be many.
ONE_BY_ONE = frozenset(
    """
    SCAN HSCAN SSCAN ZSCAN BLPOP BRPOP BLMOVE BRPOPLPUSH BZPOPMIN BZPOPMAX XREAD XREADGROUP
    SUBSCRIBE PSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE PUBLISH WATCH UNWATCH MULTI EXEC
    """.split()  # noqa: SIM905
)


def find(trace: Trace) -> Iterator[Finding]:
    """One finding for each expression that makes a round trip per row."""
    repeated = [
        group
        for request in trace.requests
        for group in cache.grouped(request, _identity)
        if _is_repeated(group)
    ]
    for cause, groups in cache.by_site(repeated):
        usual = [group for group in groups if _is_usual(trace, groups, group.request.endpoint)]
        if usual:
            yield _finding(trace, cause, usual)


def _identity(call: CacheCall) -> Hashable | None:
    alone = call.commands == 1 and call.keys == 1
    if not alone or not call.stack or call.command in ONE_BY_ONE:
        return None
    return call.command, call.stack


def _is_repeated(group: Calls) -> bool:
    """Many keys; one key that is asked again and again is a lock, a counter or a poll."""
    keys = {call.key_digest for call in group.calls}
    return len(keys) >= views.MIN_REPEATS


def _is_usual(trace: Trace, groups: Sequence[Calls], endpoint: str) -> bool:
    """Not a cache being filled: most requests of the endpoint do it."""
    asked = Counter(request.endpoint for request in trace.requests)[endpoint]
    doing = {group.request.id for group in groups if group.request.endpoint == endpoint}
    return len(doing) * 2 > asked or asked == 1


def _finding(trace: Trace, cause: Site, groups: Sequence[Calls]) -> Finding:
    names = cache.endpoints(groups)
    calls = [call for group in groups for call in group.calls]
    price = cache.cost(trace, names, len(calls), sum(call.duration_ms for call in calls))
    here = [group for group in groups if group.request.endpoint == names[0]]
    times = cache.per_request(here)
    first = calls[0]
    what = f"{times} {first.command} of {first.key} one by one"
    return Finding(
        id="repeated-cache-call",
        title=f"{names[0]} sends {what}{views.place(cause)}",
        severity=views.severity(price),
        confidence="certain",
        endpoints=names,
        cause=cause,
        symptom=first.stack[1] if len(first.stack) > 1 else cause,
        evidence=CacheEvidence(
            command=first.command,
            key=first.key,
            calls=float(times),
            bytes=median_high(call.bytes for call in calls),
            uses=tuple(dict.fromkeys(call.stack[0] for call in calls)),
        ),
        cost=price,
    )
