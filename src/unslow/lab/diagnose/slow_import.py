"""slow-import: every start waits for a library that only some functions use."""

import ast
from collections.abc import Callable, Iterator

from unslow.lab.diagnose._views import place
from unslow.model import Cost, Finding, Import, ImportEvidence, Site, Trace

MIN_MS = 300.0  # of one start
MEDIUM_MS = 1000.0

Functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def find_in_source(trace: Trace, read: Callable[[str], bytes]) -> Iterator[Finding]:
    """One finding per library that every module of the application uses in functions alone."""
    for one in trace.imports:
        if one.ms < MIN_MS or one.site is None or one.is_shared:
            continue
        if all(_can_wait(site, read) for site in (one.site, *one.others)):
            yield _finding(one, one.site)


def _can_wait(site: Site, read: Callable[[str], bytes]) -> bool:
    try:
        tree = ast.parse(read(site.path))
    except (OSError, SyntaxError, ValueError):
        return False
    statement = next((node for node in tree.body if node.lineno == site.line), None)
    if not isinstance(statement, ast.Import | ast.ImportFrom):
        return False
    names = {(a.asname or a.name).partition(".")[0] for a in statement.names}
    if "*" in names or names & _exported(tree):
        return False
    early = {n for one in tree.body if one is not statement for n in _early(one)}
    late = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    return names <= late and not names & early


def _early(node: ast.AST) -> Iterator[str]:
    """The names that are needed while the module is executed."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, Functions):
        arguments = node.args
        found = [*arguments.defaults, *(one for one in arguments.kw_defaults if one)]
        if not isinstance(node, ast.Lambda):
            every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            every += [one for one in (arguments.vararg, arguments.kwarg) if one]
            found += [*node.decorator_list, *(one.annotation for one in every if one.annotation)]
            found += [node.returns] if node.returns else []
        for one in found:
            yield from _early(one)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _early(child)


def _exported(tree: ast.Module) -> set[str]:
    return {
        str(item.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)
        for item in ast.walk(node.value)
        if isinstance(item, ast.Constant)
    }


def _finding(one: Import, site: Site) -> Finding:
    return Finding(
        id="slow-import",
        title=f"Importing {one.module} takes {one.ms:.0f} ms of every start{place(site)}",
        severity="medium" if one.ms >= MEDIUM_MS else "low",
        confidence="likely",
        endpoints=(),
        cause=site,
        symptom=None,
        evidence=ImportEvidence(one.module, round(one.ms, 1)),
        cost=Cost(0.0, 0.0, 0.0),
    )
