"""session-per-task: gives each task of a `gather` a session of its own."""

from collections.abc import Iterator

import libcst as cst

from unslow.lab.prescribe import _sessions
from unslow.lab.prescribe._chains import dotted
from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._locals import names
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Patch, Recommendation, TextEdit

DETECTORS = frozenset({"shared-session"})
FIXER = "session-per-task"
SUMMARY = "Give each task a session of its own"
UNCLEAR = "where another session comes from is not plain to see"
PLAIN = "the tasks are not plain calls"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for `gather(db.scalar(a), helper(db), …)`, or for one comprehension of tasks."""
    module = source.module(finding.cause.path) if finding.cause else None
    node = module.at(finding.cause) if module and finding.cause else None
    if isinstance(node, cst.Await):
        node = node.expression
    if module is None or not isinstance(node, cst.Call):
        return
    written = _written(module, node, source)
    if isinstance(written, str):
        yield Recommendation(FIXER, SUMMARY, written)
    else:
        yield Patch(FIXER, SUMMARY, "review", tuple(written), metric="gate")


def _written(module: Module, node: cst.Call, source: Source) -> list[TextEdit] | str:
    function = module.enclosing(node, cst.FunctionDef)
    line = module.enclosing(node, cst.SimpleStatementLine)
    if function is None or line is None or dotted(node.func).rpartition(".")[2] != "gather":
        return PLAIN
    known = _sessions.sessions(module, function, source)
    imports = Imports(module, None)
    text, edits = "", []
    for number, arg in enumerate((one for one in node.args if not one.keyword), start=1):
        task, loop = _task(arg)
        if task is None:
            return PLAIN
        used = names(task) & known.keys()
        if not used:
            continue
        made = _sessions.factory(module, known[min(used)], source)
        factory = imports.name(*made) if made and len(used) == 1 else None
        if factory is None:
            return UNCLEAR
        name = f"run_{number}" if len(node.args) > 1 else "run_task"
        if name in names(module.tree) or '"""' in module.text(task):
            return PLAIN
        indent = module.indent(module.start(line))
        text += _coroutine(module, name, loop, min(used), factory, task, indent)
        edits.append(module.replace(task, f"{name}({', '.join(loop)})"))
    if not edits:
        return UNCLEAR
    return [module.insert(module.start(line), text), *edits, *imports.edits()]


def _task(arg: cst.Arg) -> tuple[cst.Call | None, list[str]]:
    """The call that makes a task, and the names that a comprehension gives it."""
    value = arg.value
    if arg.star == "*" and isinstance(value, cst.ListComp | cst.GeneratorExp):
        target = value.for_in.target
        nested = value.for_in.inner_for_in is not None
        plain = isinstance(target, cst.Name) and isinstance(value.elt, cst.Call) and not nested
        if not plain or not isinstance(value.elt, cst.Call):
            return None, []
        return value.elt, sorted(names(target))
    return (value, []) if isinstance(value, cst.Call) and not arg.star else (None, [])


def _coroutine(
    module: Module,
    name: str,
    parameters: list[str],
    session: str,
    factory: str,
    task: cst.Call,
    indent: str,
) -> str:
    value = module.text(task).replace("\n", "\n        ")
    return (
        f"async def {name}({', '.join(parameters)}):\n"
        f"{indent}    async with {factory}() as {session}:\n"
        f"{indent}        return await {value}\n\n{indent}"
    )
