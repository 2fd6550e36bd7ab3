"""concurrent-loop: asks for all rows together before the loop, by tasks or by a few threads."""

import builtins
from collections.abc import Iterator

import libcst as cst

from unslow.lab.prescribe._import_module import import_module
from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._locals import names
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Patch, Recommendation, TextEdit

DETECTORS = frozenset({"repeated-http-call"})
FIXER = "concurrent-loop"
THREADS = 8  # at a time; most of a second's calls of 20 ms, and no storm on the other service
TOGETHER = "Ask for all rows together: asyncio.gather"
IN_THREADS = f"Ask for all rows together, {THREADS} at a time in threads"
PLAIN = "the loop does not begin with a plain assignment of the answer"
BLOCKS = "the call stops the event loop, which comes first: await it"
DEPENDS = "what is asked depends on more than the row"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for `[await ask(x) for x in rows]`, or a loop that begins with the call."""
    module = source.module(finding.cause.path) if finding.cause else None
    node = module.at(finding.cause) if module and finding.cause else None
    if isinstance(node, cst.Await):
        node = node.expression
    if module is None or not isinstance(node, cst.Call):
        return
    awaited = isinstance(module.parents[node], cst.Await)
    summary = TOGETHER if awaited else IN_THREADS
    written = _written(module, node, awaited)
    if isinstance(written, str):
        yield Recommendation(FIXER, summary, written)
    else:
        yield Patch(FIXER, summary, "review", tuple(written), metric="wall")


def _written(module: Module, node: cst.Call, awaited: bool) -> list[TextEdit] | str:
    asked = module.parents[node] if awaited else node
    comprehension = module.parents[asked]
    if awaited and isinstance(comprehension, cst.ListComp) and comprehension.elt is asked:
        return _gathered(module, node, comprehension)
    function = module.enclosing(node, cst.FunctionDef)
    if not awaited and function is not None and function.asynchronous is not None:
        return BLOCKS
    value = _value(module, asked)
    line = module.enclosing(asked, cst.SimpleStatementLine)
    loop = module.enclosing(asked, cst.For)
    if line is None or loop is None or loop.asynchronous or loop.orelse:
        return PLAIN
    if loop.body.body[0] is not line:
        return PLAIN
    assign = line.body[0]
    if not isinstance(assign, cst.Assign) or len(assign.targets) != 1 or len(line.body) != 1:
        return PLAIN
    target = assign.targets[0].target
    if assign.value is not value or not isinstance(target, cst.Name):
        return PLAIN
    if not isinstance(loop.target, cst.Name) or target.value in names(node):
        return DEPENDS
    bound = {name for other in loop.body.body[1:] for name in _bound(module, other)}
    if names(node) & bound or '"""' in module.text(value):
        return DEPENDS
    return _before_loop(module, loop, line, target.value, value, awaited)


def _gathered(module: Module, node: cst.Call, around: cst.ListComp) -> list[TextEdit] | str:
    asyncio = import_module(module, "asyncio")
    if asyncio is None or around.for_in.asynchronous:
        return PLAIN
    rest = module.content[module.end(node) : module.end(around)].decode()
    text = f"await asyncio.gather(*[{module.text(node)}{rest})"
    parent = module.parents[around]
    if isinstance(parent, cst.Attribute | cst.Subscript | cst.BinaryOperation | cst.Comparison):
        text = f"({text})"
    return [module.replace(around, text), *asyncio]


def _value(module: Module, asked: cst.CSTNode) -> cst.CSTNode:
    """`(await ask(x)).json()` around `await ask(x)`."""
    at = asked
    while True:
        parent = module.parents[at]
        is_read = isinstance(parent, cst.Attribute) and parent.value is at
        is_called = isinstance(parent, cst.Call) and parent.func is at and not parent.args
        if not (is_read or is_called):
            return at
        at = parent


def _before_loop(
    module: Module,
    loop: cst.For,
    line: cst.SimpleStatementLine,
    name: str,
    value: cst.CSTNode,
    awaited: bool,
) -> list[TextEdit] | str:
    used = names(module.tree) | set(dir(builtins))
    row = module.text(loop.target)
    rows = _free(used, f"all_{row}s", f"{row}_rows")
    answers = _free(used, f"{name}s", f"{name}_list", f"all_{name}s")
    if not rows or not answers:
        return PLAIN
    indent = module.indent(module.start(loop))
    text = f"{rows} = list({module.text(loop.iter)})\n{indent}"
    imports = Imports(module, None)
    if awaited:
        edits = import_module(module, "asyncio")
        if edits is None:
            return PLAIN
        text += _tasks(module, value, row, rows, answers, indent)
    else:
        pool = imports.name("concurrent.futures", "ThreadPoolExecutor")
        if pool is None:
            return PLAIN
        edits = imports.edits()
        text += f"with {pool}(max_workers={THREADS}) as pool:\n{indent}    "
        text += f"{answers} = list(pool.map(lambda {row}: {module.text(value)}, {rows}))\n{indent}"
    return [
        module.insert(module.start(loop), text),
        module.replace(loop.target, f"{row}, {name}"),
        module.replace(loop.iter, f"zip({rows}, {answers}, strict=True)"),
        module.without_line(line),
        *edits,
    ]


def _tasks(
    module: Module, value: cst.CSTNode, row: str, rows: str, answers: str, indent: str
) -> str:
    if isinstance(value, cst.Await):
        call = module.text(value.expression)
        return f"{answers} = await asyncio.gather(*[{call} for {row} in {rows}])\n{indent}"
    return (
        f"async def ask_for({row}):\n{indent}    return {module.text(value)}\n\n{indent}"
        f"{answers} = await asyncio.gather(*[ask_for({row}) for {row} in {rows}])\n{indent}"
    )


def _free(used: set[str], *wanted: str) -> str:
    return next((name for name in wanted if name not in used), "")


def _bound(module: Module, statement: cst.CSTNode) -> Iterator[str]:
    for kind in (cst.AssignTarget, cst.AugAssign, cst.AnnAssign, cst.For, cst.NamedExpr):
        for node in module.nodes(kind):
            inside = node is statement or statement in module.ancestors(node)
            target = getattr(node, "target", None)
            if inside and isinstance(target, cst.Name | cst.Tuple):
                yield from names(target)
