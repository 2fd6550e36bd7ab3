"""unexpiring-cache: values are kept for good under ever new keys, so that the cache only grows."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median_high

from unslow.lab.diagnose import _cache_calls as cache
from unslow.lab.diagnose import _views as views
from unslow.lab.diagnose._cache_calls import Calls
from unslow.model import CacheCall, CacheEvidence, Finding, Request, Site, Trace

KEPT = frozenset({"SET", "MSET", "SETNX"})  # counters, sets and queues are data, not a cache
ENDING = frozenset({"EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT", "DEL", "UNLINK", "GETDEL"})
MIN_KEYS = 3  # of one shape; fewer may be a fixed set of names


def find(trace: Trace) -> Iterator[Finding]:
    """One finding for each expression that writes keys of an open set without an end."""
    ended = {
        call.key for one in trace.requests for call in one.cache_calls if call.command in ENDING
    }
    written: defaultdict[tuple[str, Site], list[tuple[Request, CacheCall]]] = defaultdict(list)
    for request in trace.requests:
        for call in request.cache_calls:
            if _is_kept(call) and call.key not in ended:
                written[call.key, call.stack[0]].append((request, call))
    for (_, cause), found in written.items():
        if len({call.key_digest for _, call in found}) >= MIN_KEYS:
            yield _finding(trace, cause, [Calls(request, (call,)) for request, call in found])


def _is_kept(call: CacheCall) -> bool:
    return (
        call.command in KEPT
        and call.commands == 1
        and call.ttl_s is None
        and "*" in call.key
        and bool(call.stack)
    )


def _finding(trace: Trace, cause: Site, groups: Sequence[Calls]) -> Finding:
    names = cache.endpoints(groups)
    calls = [call for group in groups for call in group.calls]
    price = cache.cost(trace, names, len(calls), 0.0)
    keys = len({call.key_digest for call in calls})
    return Finding(
        id="unexpiring-cache",
        title=f"{names[0]} keeps {calls[0].key} for good, {keys} keys in {len(groups)} writes"
        f"{views.place(cause)}",
        severity="medium",
        confidence="likely",
        endpoints=names,
        cause=cause,
        symptom=calls[0].stack[1] if len(calls[0].stack) > 1 else cause,
        evidence=CacheEvidence(
            command=calls[0].command,
            key=calls[0].key,
            calls=float(cache.per_request(groups)),
            bytes=median_high(call.bytes for call in calls),
            uses=(cause,),
        ),
        cost=price,
    )
