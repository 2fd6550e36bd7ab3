"""cache-stampede: when a shared value expires, every request computes it at the same time."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median

from unslow.lab.diagnose import _cache_calls as cache
from unslow.lab.diagnose import _views as views
from unslow.lab.diagnose._cache_calls import Calls
from unslow.model import CacheCall, CacheEvidence, Finding, Request, Site, Trace

MIN_MS = 25.0  # between the miss and the write: a shorter time sees few others
FILLS = frozenset({"SET", "SETEX", "PSETEX"})
LOCKS = frozenset({"SETNX", "EVAL", "EVALSHA"})  # redis-py's Lock releases by a script

Found = tuple[Request, CacheCall, float]


def find(trace: Trace) -> Iterator[Finding]:
    """One finding for each expression that fills a missing value after long work, unguarded."""
    filled: defaultdict[Site, list[Found]] = defaultdict(list)
    for request in trace.requests:
        for call, ms in _fillings(request):
            filled[call.stack[0]].append((request, call, ms))
    for cause, found in filled.items():
        yield _finding(trace, cause, found)


def _fillings(request: Request) -> Iterator[tuple[CacheCall, float]]:
    """The writes that end, and the time since the same key was found missing."""
    if any(call.command in LOCKS for call in request.cache_calls):
        return
    missed: dict[str, CacheCall] = {}
    for call in request.cache_calls:
        if call.hit is False and call.keys == 1:
            missed[call.key_digest] = call
        elif call.command in FILLS and call.ttl_s is not None and call.stack:
            before = missed.get(call.key_digest)
            worked = call.start_ms - before.start_ms - before.duration_ms if before else 0.0
            if before is not None and worked >= MIN_MS:
                yield call, worked


def _finding(trace: Trace, cause: Site, found: Sequence[Found]) -> Finding:
    groups = [Calls(request, (call,)) for request, call, _ in found]
    names = cache.endpoints(groups)
    first = found[0][1]
    ms = median(worked for _, _, worked in found)
    price = cache.cost(trace, names, len(found), sum(worked for _, _, worked in found))
    return Finding(
        id="cache-stampede",
        title=f"{names[0]} computes {first.key} for {ms:.0f} ms when it has expired, in each "
        f"request that comes meanwhile{views.place(cause)}",
        severity=views.severity(price),
        confidence="possible",
        endpoints=names,
        cause=cause,
        symptom=first.stack[1] if len(first.stack) > 1 else cause,
        evidence=CacheEvidence(
            command=first.command,
            key=first.key,
            calls=1.0,
            bytes=first.bytes,
            ttl_s=first.ttl_s,
            uses=(cause,),
        ),
        cost=price,
    )
