"""asyncio-to-thread: awaits a blocking call in another thread, or sleeps as the event loop does."""

from collections.abc import Iterator

import libcst as cst

from unslow.lab.prescribe._chains import dotted
from unslow.lab.prescribe._endpoints import holds_lock, idle_coroutine
from unslow.lab.prescribe._import_module import import_module, imports
from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Patch, Recommendation, TextEdit

DETECTORS = frozenset({"blocking-call"})
FIXER = "asyncio-to-thread"
AT_ONCE = 4  # requests that meet; the first of them would not notice
SUMMARY = "Await the call in another thread: asyncio.to_thread"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for a plain call in the body of a coroutine that has other things to await."""
    module = source.module(finding.cause.path) if finding.cause else None
    node = module.at(finding.cause) if module and finding.cause else None
    if module is None or not isinstance(node, cst.Call):
        return
    if not _sleeps(module, node) and idle_coroutine(module, node, source) is not None:
        return  # a plain endpoint is the better thread
    reason = _obstacle(module, node)
    if reason:
        yield Recommendation(FIXER, SUMMARY, reason)
        return
    edits = _edits(module, node)
    if edits is None:
        yield Recommendation(FIXER, SUMMARY, "the module uses the name asyncio for something else")
        return
    yield Patch(FIXER, SUMMARY, "review", tuple(edits), metric="wall", at_once=AT_ONCE)


def _obstacle(module: Module, node: cst.Call) -> str:
    """Why the call cannot be awaited where it stands; "" where it can."""
    if any(isinstance(arg.value, cst.GeneratorExp) and not arg.value.lpar for arg in node.args):
        return "its argument is a generator that the event loop would run"
    if dotted(node.func) == "next":
        return "a coroutine cannot be told of the end of an iterator"
    for outer in module.ancestors(node):
        if holds_lock(module, outer):
            return "the thread of the event loop holds a lock meanwhile"
        if isinstance(outer, cst.FunctionDef):
            awaits = outer.asynchronous is not None
            return "" if awaits else "the call is not in a coroutine"
        if isinstance(outer, cst.Lambda | cst.GeneratorExp | cst.ClassDef | cst.Decorator):
            return "the call is where nothing can be awaited"
        if isinstance(outer, cst.Param):
            return "the call is a default"
    return "the call is not in a coroutine"


def _edits(module: Module, node: cst.Call) -> list[TextEdit] | None:
    imported = import_module(module, "asyncio")
    if imported is None:
        return None
    sleeps = _sleeps(module, node)
    args = [module.text(arg).rstrip().rstrip(",").rstrip() for arg in node.args]
    if sleeps:
        call = f"asyncio.sleep({', '.join(args)})"
    else:
        call = f"asyncio.to_thread({', '.join([module.text(node.func), *args])})"
    text = f"await {call}"
    if _needs_parentheses(module, node):
        text = f"({text})"
    return [module.replace(node, text), *imported]


def _sleeps(module: Module, node: cst.Call) -> bool:
    name = dotted(node.func)
    if name == "time.sleep":
        return any(imports(statement, "time") for statement in module.nodes(cst.Import))
    return (
        name == "sleep"
        and Imports(module).name("time", "sleep") == name
        and any(
            statement.module is not None and dotted(statement.module) == "time"
            for statement in module.nodes(cst.ImportFrom)
        )
    )


def _needs_parentheses(module: Module, node: cst.Call) -> bool:
    parent = module.parents[node]
    return isinstance(
        parent,
        cst.Attribute
        | cst.Call
        | cst.Subscript
        | cst.BinaryOperation
        | cst.UnaryOperation
        | cst.Comparison
        | cst.ComparisonTarget
        | cst.Await
        | cst.StarredElement,
    )
