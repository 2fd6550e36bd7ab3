"""Awaits that stand one after another, and need nothing of each other."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from unslow.lab.diagnose import _views as views
from unslow.lab.diagnose import _waits as waits
from unslow.lab.diagnose._waits import Read, Sources
from unslow.model import HttpCall, Query, Request, Site, Trace

MIN_SAVED_MS = 5.0  # per request; a task with a session of its own costs about one
MIN_SHARE = 0.15  # of the request
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
BLOCKS = ("body", "orelse", "finalbody")

Wait = Query | HttpCall


@dataclass(frozen=True)
class Run:
    """The awaits of one place, in their order, and the milliseconds of each per request."""

    path: str
    awaits: tuple[ast.Await, ...]
    site: Site  # one of its sites, for the file and the function


@dataclass
class Seen:
    """What a sequence was seen to wait for."""

    saved: list[tuple[Request, float]] = field(default_factory=list)
    kinds: set[type] = field(default_factory=set)
    calls: list[Wait] = field(default_factory=list)
    positions: set[int] = field(default_factory=set)


def sequences(trace: Trace, read: Read) -> Iterator[tuple[Run, Seen]]:
    """Each place whose awaits could run together, with what that saves.

    A place where something is written, locked or sent is none: its order matters.
    """
    sources = Sources(read)
    found: dict[tuple[str, int, int], Run] = {}
    seen: defaultdict[tuple[str, int, int], Seen] = defaultdict(Seen)
    for request in trace.requests:
        spent: defaultdict[tuple[str, int, int], defaultdict[int, list[Wait]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for wait in _waits(request):
            for site in wait.stack:
                placed = _placed(site, sources)
                if placed is not None:
                    sequence, position = placed
                    first = sequence.awaits[0]
                    key = sequence.path, first.lineno, first.col_offset
                    found[key] = sequence
                    spent[key][position].append(wait)
        for key, by_position in spent.items():
            _add(request, by_position, seen[key])
    for key, one in seen.items():
        run = _observed(found[key], one.positions)
        if one.saved and run is not None:
            yield run, one


def endpoints(trace: Trace, seen: Seen) -> dict[str, float]:
    """The milliseconds that each endpoint would save, where it is worth it."""
    durations: defaultdict[str, list[float]] = defaultdict(list)
    for request in trace.requests:
        durations[request.endpoint].append(request.duration_ms)
    return {
        endpoint: ms
        for endpoint, ms in waits.medians(trace, seen.saved).items()
        if ms >= max(MIN_SAVED_MS, MIN_SHARE * median(durations[endpoint]))
    }


def await_sites(sequence: Run) -> tuple[Site, ...]:
    return tuple(waits.site_of(sequence.site, one) for one in sequence.awaits)


def _observed(run: Run, positions: set[int]) -> Run | None:
    """The run without what was not seen to wait, such as a check; None where that is amidst."""
    first, last = min(positions, default=0), max(positions, default=-1)
    if len(positions) != last - first + 1 or len(positions) < 2:
        return None
    return Run(run.path, run.awaits[first : last + 1], run.site)


def _waits(request: Request) -> Iterator[Wait]:
    yield from request.queries
    yield from (call for call in request.http_calls if not call.blocking)


def _add(request: Request, by_position: dict[int, list[Wait]], seen: Seen) -> None:
    """What the request would save: all but the longest of those that are independent."""
    calls = [wait for group in by_position.values() for wait in group]
    if len(by_position) < 2 or not all(map(_only_reads, calls)):
        return
    queries = [one for one in calls if isinstance(one, Query)]
    if queries and _has_written(request, min(one.start_ms for one in queries)):
        return
    spent = [sum(one.duration_ms for one in group) for group in by_position.values()]
    seen.saved.append((request, sum(spent) - max(spent)))
    seen.kinds |= {type(one) for one in calls}
    seen.calls += calls
    seen.positions |= by_position.keys()


def _only_reads(wait: Wait) -> bool:
    if isinstance(wait, HttpCall):
        return wait.method in SAFE
    return wait.kind == "select" and not views.LOCKING.search(wait.sql)


def _has_written(request: Request, before_ms: float) -> bool:
    """Whether another session might not see yet what this one has written."""
    return any(
        query.start_ms < before_ms and query.kind in ("insert", "update", "delete")
        for query in request.queries
    )


def _placed(site: Site, sources: Sources) -> tuple[Run, int] | None:
    """The sequence that the awaited expression at `site` is part of, and its position there."""
    node = sources.expression(site)
    if node is None or not isinstance(sources.function(site.path, node), ast.AsyncFunctionDef):
        return None
    around = [node, *sources.around(site.path, node)]
    awaited = next((one for one in around if isinstance(one, ast.Await)), None)
    statement = next((one for one in around if isinstance(one, ast.stmt)), None)
    if awaited is None or statement is None:
        return None
    parent = next(sources.around(site.path, statement), None)
    for awaits in _runs(statement, parent):
        if awaited in awaits:
            return Run(site.path, awaits, site), awaits.index(awaited)
    return None


def _runs(statement: ast.stmt, parent: ast.AST | None) -> Iterator[tuple[ast.Await, ...]]:
    together = _side_by_side(statement)
    if len(together) > 1:
        yield together
    for name in BLOCKS:
        block = getattr(parent, name, None)
        if isinstance(block, list) and statement in block:
            yield _in_a_row(block, block.index(statement))


def _side_by_side(statement: ast.stmt) -> tuple[ast.Await, ...]:
    """The awaits among the values of one dictionary, list, tuple or call."""
    value = getattr(statement, "value", None)
    if not isinstance(statement, ast.Return | ast.Assign):
        return ()
    parts: Sequence[ast.expr | None] = ()
    if isinstance(value, ast.Dict):
        parts = value.values
    elif isinstance(value, ast.List | ast.Tuple):
        parts = value.elts
    elif isinstance(value, ast.Call):
        parts = [*value.args, *(keyword.value for keyword in value.keywords)]
    awaits = tuple(one for part in parts if part and (one := _only_await(part)))
    inner = [one for one in ast.walk(statement) if isinstance(one, ast.Await | ast.NamedExpr)]
    return awaits if len(inner) == len(awaits) else ()


def _in_a_row(block: Sequence[ast.stmt], position: int) -> tuple[ast.Await, ...]:
    """The awaits of the statements around `position`, each of which needs none of the others."""
    run: list[ast.Await] = []
    bound: set[str] = set()
    for number, statement in enumerate(block):
        assigned = _assigned(statement)
        needed = _names(statement) | (assigned[0] if assigned else set())
        if assigned is None or needed & bound:
            if number > position:
                break
            run, bound = [], set()  # a new run begins where one needs what came before
        if assigned is not None:
            run.append(assigned[1])
            bound |= assigned[0]
    return tuple(run)


def _assigned(statement: ast.stmt) -> tuple[set[str], ast.Await] | None:
    """The names that `name = await …` binds, and its await."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, value = statement.targets[0], statement.value
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        target, value = statement.target, statement.value
    else:
        return None
    found = _only_await(value)
    return ({target.id}, found) if found and isinstance(target, ast.Name) else None


def _only_await(value: ast.expr) -> ast.Await | None:
    """The await of `await f()`, `(await f()).all()` and the like."""
    inner = [one for one in ast.walk(value) if isinstance(one, ast.Await | ast.NamedExpr)]
    at: ast.expr = value
    while not isinstance(at, ast.Await):
        if isinstance(at, ast.Call) and not at.keywords and not at.args:
            at = at.func
        elif isinstance(at, ast.Attribute):
            at = at.value
        else:
            return None
    return at if inner == [at] and isinstance(at.value, ast.Call) else None


def _names(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
