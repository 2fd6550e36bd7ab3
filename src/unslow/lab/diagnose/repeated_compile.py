"""repeated-compile: each request compiles the same pattern, template or model anew."""

import ast
import builtins
from collections import defaultdict
from collections.abc import Iterator, Mapping
from statistics import median, median_high

from unslow.lab.diagnose import _views as views
from unslow.lab.diagnose import _waits as waits
from unslow.lab.diagnose._waits import Read, Sources
from unslow.model import Compiled, Finding, Request, Site, Trace, WaitEvidence

MIN_MS = 0.2  # per request; a small model takes a quarter of it
MIN_SHARE = 0.05  # of the endpoint's median time, which being observed lengthens
NAMES = {
    "re.Pattern": ("a pattern", "patterns"),
    "pydantic.TypeAdapter": ("a type adapter", "type adapters"),
    "pydantic.BaseModel": ("a model", "models"),
    "jinja2.Template": ("a template", "templates"),
    "django.template.Template": ("a template", "templates"),
}
TEMPLATES = frozenset({"from_string", "get_template", "select_template", "get_or_select_template"})
TOP = frozenset(dir(builtins))

Found = tuple[Request, Compiled]


def find_in_source(trace: Trace, read: Read) -> Iterator[Finding]:
    """One finding for each expression that compiles the same in all requests."""
    sources = Sources(read)
    by_cause: defaultdict[tuple[Site, str], list[Found]] = defaultdict(list)
    for request in trace.requests:
        for one in request.compiled:
            cause = _cause(one, sources)
            if cause is not None:
                by_cause[cause, one.what].append((request, one))
    for (cause, what), found in by_cause.items():
        medians = waits.medians(trace, [(request, one.duration_ms) for request, one in found])
        ms = {name: one for name, one in medians.items() if _is_worth(trace, name, one)}
        if ms and _is_same(found) and _is_for_all(cause, found, sources):
            yield _finding(trace, cause, what, ms, found)


def _cause(one: Compiled, sources: Sources) -> Site | None:
    """The application's own call of the library; None where another library compiles."""
    if not one.stack:
        return None
    site = one.stack[0]
    node = sources.expression(site)
    if node is None:
        return site if one.what == "pydantic.BaseModel" and _is_class(site, sources) else None
    if isinstance(node, ast.Await):
        node = node.value
    if not isinstance(node, ast.Call) or sources.function(site.path, node) is None:
        return None
    package = one.what.partition(".")[0]
    if sources.imported(site.path, node.func).partition(".")[0] == package:
        return waits.site_of(site, node)
    if isinstance(node.func, ast.Attribute) and node.func.attr in TEMPLATES:
        made = _environment(site, node, node.func.value, package, sources)
        return waits.site_of(site, made) if made is not None else None
    return None


def _environment(
    site: Site, node: ast.Call, owner: ast.expr, package: str, sources: Sources
) -> ast.Call | None:
    """What forgets its templates: an environment of the same function; else the call itself."""
    function = sources.function(site.path, node)
    values: list[ast.expr] = [owner]
    if isinstance(owner, ast.Name) and function is not None:
        values = [
            one.value
            for one in ast.walk(function)
            if isinstance(one, ast.Assign)
            and any(waits.dotted(target) == owner.id for target in one.targets)
        ]
    made = [one for one in values if isinstance(one, ast.Call)]
    if len(made) == 1 and sources.imported(site.path, made[0].func).startswith(f"{package}."):
        return made[0]
    is_constant = isinstance(node.func, ast.Attribute) and node.func.attr == "from_string"
    return node if is_constant else None


def _is_class(site: Site, sources: Sources) -> bool:
    nodes = ast.walk(sources.tree(site.path) or ast.Module([], []))
    return any(isinstance(one, ast.ClassDef) and one.lineno == site.line for one in nodes)


def _is_worth(trace: Trace, endpoint: str, ms: float) -> bool:
    whole = median(one.duration_ms for one in trace.requests if one.endpoint == endpoint)
    return ms >= MIN_MS and ms >= MIN_SHARE * whole


def _is_same(found: list[Found]) -> bool:
    """Whether all requests compile the same, however often."""
    return len({request.id for request, _ in found}) > 1 and len({o.digest for _, o in found}) == 1


def _is_for_all(cause: Site, found: list[Found], sources: Sources) -> bool:
    """Whether no value of the request is in it: a constant, or the same for different requests.

    A route without a parameter is the same for everybody as well.
    """
    paths = {request.path for request, _ in found}
    if len(paths) > 1 or _is_constant(cause, sources):
        return True
    return all("?" not in path for path in paths) and not any(
        mark in request.route for request, _ in found for mark in "{<"
    )


def _is_constant(cause: Site, sources: Sources) -> bool:
    """Whether the expression names nothing but what the module's top binds."""
    node = sources.expression(cause)
    tree = sources.tree(cause.path)
    if node is None or tree is None:
        return False
    function = sources.function(cause.path, node)
    known = (_bound(tree) | TOP) - (_own(function) if function is not None else set())
    return all(one.id in known for one in ast.walk(node) if isinstance(one, ast.Name))


def _own(function: ast.AST) -> set[str]:
    """The function's arguments, and what it assigns."""
    names = (one for one in ast.walk(function) if isinstance(one, ast.Name))
    arguments = (one.arg for one in ast.walk(function) if isinstance(one, ast.arg))
    return {one.id for one in names if isinstance(one.ctx, ast.Store)} | set(arguments)


def _bound(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for one in tree.body:
        if isinstance(one, ast.Import | ast.ImportFrom):
            found |= {(name.asname or name.name).partition(".")[0] for name in one.names}
        elif isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(one.name)
        elif isinstance(one, ast.Assign | ast.AnnAssign):
            targets = one.targets if isinstance(one, ast.Assign) else [one.target]
            found |= {waits.dotted(target) for target in targets}
    return found


def _finding(
    trace: Trace, cause: Site, what: str, ms: Mapping[str, float], found: list[Found]
) -> Finding:
    endpoint, worst = next(iter(ms.items()))
    times = median_high(one.times for request, one in found if request.endpoint == endpoint)
    one, many = NAMES[what]
    made = f"{times} {many}" if times > 1 else one
    price = waits.cost(trace, ms)
    return Finding(
        id="repeated-compile",
        title=f"{endpoint} compiles {made} in each request, {worst:.1f} ms{views.place(cause)}",
        severity=views.severity(price),
        confidence="certain",
        endpoints=tuple(ms),
        cause=cause,
        symptom=found[0][1].stack[0],
        evidence=WaitEvidence(call=what, calls=float(times), ms=round(worst, 2), uses=(cause,)),
        cost=price,
    )
