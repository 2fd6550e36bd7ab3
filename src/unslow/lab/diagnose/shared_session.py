"""shared-session: tasks that run at the same time use one session, which serves one at a time."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from statistics import median_high

from unslow.lab.diagnose import _views as views
from unslow.lab.diagnose import _waits as waits
from unslow.lab.diagnose._waits import Read, Sources
from unslow.model import Finding, Query, Request, Site, Trace, WaitEvidence

READS = frozenset({"execute", "scalar", "scalars", "get", "get_one", "refresh", "stream_scalars"})
SESSIONS = frozenset({"db", "session", "async_session", "db_session"})  # parameters' usual names


def find_in_source(trace: Trace, read: Read) -> Iterator[Finding]:
    """One finding for each `gather` whose tasks are given one session."""
    sources = Sources(read)
    by_cause: defaultdict[Site, list[tuple[Request, list[Query]]]] = defaultdict(list)
    for request in trace.requests:
        under: defaultdict[Site, list[Query]] = defaultdict(list)
        for query in filter(_is_session_query, request.queries):
            for site in query.stack:
                cause = _gathering(site, sources)
                if cause is not None:
                    under[cause].append(query)
        for cause, queries in under.items():
            if len(queries) > 1:
                by_cause[cause].append((request, queries))
    for cause, found in by_cause.items():
        yield _finding(trace, cause, found)


def _is_session_query(query: Query) -> bool:
    """Pools and drivers that run several statements at a time are asked without SQLAlchemy."""
    return query.load is not None and query.load.orm == "sqlalchemy"


def _gathering(site: Site, sources: Sources) -> Site | None:
    """The `gather(...)` at `site` or around it, if several of its tasks get the same session."""
    node = sources.expression(site)
    if node is None or not isinstance(sources.function(site.path, node), ast.AsyncFunctionDef):
        return None
    for one in (node, *sources.around(site.path, node)):
        call = one.value if isinstance(one, ast.Await) else one
        if isinstance(call, ast.stmt):
            return None
        if isinstance(call, ast.Call) and _name(call.func) == "gather" and _shared(call):
            return waits.site_of(site, call)
    return None


def _shared(call: ast.Call) -> bool:
    """Whether two tasks, or the tasks of one comprehension, use one session by its name."""
    used: list[set[str]] = []
    for arg in call.args:
        value = arg.value if isinstance(arg, ast.Starred) else arg
        if isinstance(value, ast.ListComp | ast.GeneratorExp | ast.SetComp):
            bound = {one.id for g in value.generators for one in _loaded(g.target)}
            names = _sessions(value.elt) - bound
            used += [names, names]
        else:
            used.append(_sessions(value))
    return any(one & other for n, one in enumerate(used) for other in used[n + 1 :])


def _sessions(task: ast.expr) -> set[str]:
    """The names that a task uses as a session: `db.scalar(…)`, or `helper(db)`."""
    if not isinstance(task, ast.Call):
        return set()
    names = {arg.id for arg in _args(task) if isinstance(arg, ast.Name) and arg.id in SESSIONS}
    if isinstance(task.func, ast.Attribute) and isinstance(task.func.value, ast.Name):
        owner = task.func.value.id
        if task.func.attr in READS and (task.func.attr != "get" or owner in SESSIONS):
            names.add(owner)
    return names


def _args(call: ast.Call) -> Iterator[ast.expr]:
    yield from call.args
    yield from (keyword.value for keyword in call.keywords)


def _loaded(node: ast.expr) -> Iterator[ast.Name]:
    return (one for one in ast.walk(node) if isinstance(one, ast.Name))


def _name(node: ast.expr) -> str:
    return waits.dotted(node).rpartition(".")[2]


def _finding(trace: Trace, cause: Site, found: list[tuple[Request, list[Query]]]) -> Finding:
    queries = [query for _, some in found for query in some]
    ms = [
        sum(one.duration_ms for one in some) - max(one.duration_ms for one in some)
        for _, some in found
    ]
    endpoints = tuple(dict.fromkeys(request.endpoint for request, _ in found))
    price = waits.cost(trace, dict.fromkeys(endpoints, median_high(ms)))
    tasks = median_high(len(some) for _, some in found)
    return Finding(
        id="shared-session",
        title=f"{endpoints[0]} runs {tasks} statements at the same time in one session"
        f"{views.place(cause)}",
        severity="high",  # on a session that has no connection yet it is an error
        confidence="likely",
        endpoints=endpoints,
        cause=cause,
        symptom=next((query.stack[0] for query in queries if query.stack), cause),
        evidence=WaitEvidence(
            call="statements", calls=float(tasks), ms=round(median_high(ms), 2), uses=(cause,)
        ),
        cost=price,
    )
