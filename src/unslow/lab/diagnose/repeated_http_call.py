"""repeated-http-call: another service is asked once for each row, one call after another."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median_high

from unslow.lab.diagnose import _views as views
from unslow.lab.diagnose import _waits as waits
from unslow.lab.diagnose._waits import Read, Sources
from unslow.model import Finding, HttpCall, Request, Site, Trace, WaitEvidence

MIN_SAVED_MS = 5.0  # per request, if all were asked together
SAFE = frozenset({"GET", "HEAD"})
Loop = ast.For | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def find_in_source(trace: Trace, read: Read) -> Iterator[Finding]:
    """One finding for each call in a loop."""
    sources = Sources(read)
    by_cause: defaultdict[Site, list[tuple[Request, list[HttpCall]]]] = defaultdict(list)
    for request in trace.requests:
        groups: defaultdict[Site, list[HttpCall]] = defaultdict(list)
        for call in request.http_calls:
            cause = _looped(call.stack, sources)
            if cause is not None:
                groups[cause].append(call)
        for cause, calls in groups.items():
            if _is_repeated(calls):
                by_cause[cause].append((request, calls))
    for cause, found in by_cause.items():
        ms = waits.medians(trace, [(request, _saved(calls)) for request, calls in found])
        ms = {endpoint: one for endpoint, one in ms.items() if one >= MIN_SAVED_MS}
        if ms:
            yield _finding(trace, cause, ms, found)


def _looped(stack: Sequence[Site], sources: Sources) -> Site | None:
    """The innermost call of the application that stands in a loop over rows."""
    for site in stack:
        node = sources.expression(site)
        call = node.value if isinstance(node, ast.Await) else node
        if node is None or not isinstance(call, ast.Call):
            return None
        loop = _loop(site.path, node, sources)
        if loop is not None:
            return waits.site_of(site, call) if _runs_through(loop) else None
    return None


def _loop(path: str, node: ast.expr, sources: Sources) -> ast.AST | None:
    """The loop of the node's own function that evaluates it for each row."""
    inner: ast.AST = node
    for outer in sources.around(path, node):
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            return None
        if isinstance(outer, ast.While | ast.AsyncFor):
            return outer
        if isinstance(outer, ast.For) and inner in outer.body:
            return outer
        if isinstance(outer, Loop) and not isinstance(outer, ast.For):
            return outer
        inner = outer
    return None


def _runs_through(loop: ast.AST) -> bool:
    """Whether the loop visits all rows: one that stops early needs each answer before the next."""
    if isinstance(loop, ast.For):
        return not any(
            isinstance(one, ast.Break | ast.Return | ast.Raise | ast.Try)
            for statement in loop.body
            for one in ast.walk(statement)
        )
    return isinstance(loop, Loop)


def _is_repeated(calls: Sequence[HttpCall]) -> bool:
    """Different questions that change nothing, one after another."""
    ordered = sorted(calls, key=lambda one: one.start_ms)
    in_turn = all(
        after.start_ms >= before.start_ms + before.duration_ms
        for before, after in pairwise(ordered)
    )
    return (
        len({one.digest for one in calls}) >= views.MIN_REPEATS
        and all(one.method in SAFE for one in calls)
        and in_turn
    )


def _saved(calls: Sequence[HttpCall]) -> float:
    spent = [one.duration_ms for one in calls]
    return sum(spent) - max(spent)


def _finding(
    trace: Trace,
    cause: Site,
    ms: dict[str, float],
    found: list[tuple[Request, list[HttpCall]]],
) -> Finding:
    endpoint, saved = next(iter(ms.items()))
    here = [calls for request, calls in found if request.endpoint == endpoint]
    times = median_high(len(calls) for calls in here)
    call = here[0][0]
    price = waits.cost(trace, ms)
    return Finding(
        id="repeated-http-call",
        title=f"{endpoint} asks {waits.named(call)} {times} times in a loop, {saved:.0f} ms longer "
        f"than together{views.place(cause)}",
        severity=views.severity(price),
        confidence="likely",
        endpoints=tuple(ms),
        cause=cause,
        symptom=call.stack[0],
        evidence=WaitEvidence(
            call=waits.named(call), calls=float(times), ms=round(saved, 2), uses=(cause,)
        ),
        cost=price,
    )
