"""blocking-call: a call in a coroutine stops the event loop, and with it every other request."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from statistics import median_high

from unslow.lab.diagnose import _views as views
from unslow.lab.diagnose import _waits as waits
from unslow.lab.diagnose._waits import Read, Sources
from unslow.model import Finding, Request, Site, Trace, WaitEvidence

MIN_BLOCK_MS = 5.0  # per request; a loop serves a whole small request in that time
WAITING_SHARE = 0.5  # of a stop
# Work that releases the interpreter: another thread does it without stopping anybody.
RELEASING = frozenset(
    """
    hashlib.pbkdf2_hmac hashlib.scrypt bcrypt.hashpw bcrypt.checkpw bcrypt.kdf zlib.compress
    zlib.decompress gzip.compress gzip.decompress bz2.compress bz2.decompress lzma.compress
    lzma.decompress
    """.split()  # noqa: SIM905
)


def find_in_source(trace: Trace, read: Read) -> Iterator[Finding]:
    """One finding for each call in a coroutine that usually stops its loop."""
    sources = Sources(read)
    by_cause: defaultdict[Site, list[tuple[Request, float]]] = defaultdict(list)
    symptoms: defaultdict[Site, list[tuple[Site, str]]] = defaultdict(list)
    for request in trace.requests:
        for stack, call, ms in _stops(request, sources):
            cause = _cause(stack, sources)
            if cause is not None:
                by_cause[cause].append((request, ms))
                symptoms[cause].append((stack[0], call))
    for cause, stops in by_cause.items():
        found = {
            endpoint: ms
            for endpoint, ms in waits.medians(trace, stops).items()
            if ms >= MIN_BLOCK_MS
        }
        if found:
            yield _finding(trace, cause, found, symptoms[cause], sources)


def _stops(request: Request, sources: Sources) -> Iterator[tuple[tuple[Site, ...], str, float]]:
    """What stopped the loop, with its milliseconds: waits, and work that another thread can do."""
    for block in request.blocks:
        if block.stack:
            works = _releases(block.stack[0], sources)
            is_wait = block.waited_ms >= WAITING_SHARE * block.duration_ms
            ms = block.duration_ms if works else block.waited_ms if is_wait else 0.0
            yield block.stack, block.call, ms


def _releases(site: Site, sources: Sources) -> bool:
    node = sources.expression(site)
    call = node.func if isinstance(node, ast.Call) else None
    return call is not None and sources.imported(site.path, call) in RELEASING


def _cause(stack: tuple[Site, ...], sources: Sources) -> Site | None:
    """The call that a coroutine makes without `await`, from the inside out.

    None where the nearest coroutine awaits something, which stops the loop by itself: a library's.
    """
    for site in stack:
        node = sources.expression(site)
        if node is None:
            return None
        function = sources.function(site.path, node)
        if isinstance(function, ast.AsyncFunctionDef):
            is_awaited = isinstance(next(sources.around(site.path, node), None), ast.Await)
            plain = isinstance(node, ast.Call) and not is_awaited
            return waits.site_of(site, node) if plain else None
        if isinstance(function, ast.Lambda):
            return None
    return None


def _finding(
    trace: Trace,
    cause: Site,
    ms: dict[str, float],
    seen: list[tuple[Site, str]],
    sources: Sources,
) -> Finding:
    endpoint, worst = next(iter(ms.items()))
    node = sources.expression(cause)
    name = waits.dotted(node.func) if isinstance(node, ast.Call) else ""
    what = f"{name or 'a call'}()" if name else "a call"
    price = waits.cost(trace, ms)
    requests = sum(request.endpoint == endpoint for request in trace.requests)
    symptom, call = seen[0]
    return Finding(
        id="blocking-call",
        title=f"{endpoint} stops the event loop for {worst:.0f} ms in {what}{views.place(cause)}",
        severity=views.severity(price),
        confidence="certain" if requests > 1 else "likely",
        endpoints=tuple(ms),
        cause=cause,
        symptom=symptom,
        evidence=WaitEvidence(
            call=call,
            calls=1.0,
            ms=round(median_high(ms.values()), 2),
            uses=tuple(dict.fromkeys(site for site, _ in seen)),
        ),
        cost=price,
    )
