"""The statement whose rows a loop of SQLAlchemy changes, and the loop itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._layout import LINE_LENGTH
from unslow.lab.prescribe._locals import assigned, names
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._row_writes import is_used_after, within
from unslow.lab.prescribe._source import Source
from unslow.model import Model, Site, TextEdit, WriteEvidence

CONDITIONS = frozenset({"where", "filter", "filter_by"})
DROPPED = frozenset({"order_by", "options", "with_for_update"})
FETCHES = frozenset({"all", "unique", "scalars"})
EXECUTES = frozenset({"scalars", "execute"})

USED = "the rows are used elsewhere, or the statement that reads them is not plain to see"


@dataclass(frozen=True)
class SessionLoop:
    """`for row in session.scalars(select(Model).where(...))`.

    `conditions` are the steps that narrow the statement, as they are written; `line` is the
    statement before the loop that reads the rows under a name, None where the loop itself does.
    `counted` are calls `len(rows)` after the loop.
    """

    module: Module
    node: cst.For
    row: str
    model: Model
    session: str
    awaited: bool
    conditions: tuple[str, ...]
    line: cst.SimpleStatementLine | None
    counted: tuple[cst.Call, ...] = ()

    @property
    def name(self) -> str:
        return self.model.name

    def flushes(self, node: cst.CSTNode) -> bool:
        """Whether a statement does nothing but flush the session."""
        if not isinstance(node, cst.Expr):
            return False
        value = node.value.expression if isinstance(node.value, cst.Await) else node.value
        return (
            isinstance(value, cst.Call)
            and chains.method(value) == "flush"
            and chains.dotted(chains.receiver(value) or value) == self.session
        )

    def instead(self, start: str, *steps: str) -> list[TextEdit]:
        """One statement in the loop's place: `start`, the conditions of the rows, and `steps`."""
        module = self.module
        indent = module.indent(module.start(self.node))
        prefix = "result = " if self.counted else ""
        wait = "await " if self.awaited else ""
        call = f"{prefix}{wait}{self.session}.execute"
        text = _laid_out(call, (start, *self.conditions, *steps), indent)
        last = max(
            module.end(n) for n in within(self.node) if isinstance(n, cst.BaseSmallStatement)
        )
        begin = module.start(self.line if self.line is not None else self.node)
        edits = [TextEdit(module.path, begin, last, text)]
        return [*edits, *(module.replace(call, "result.rowcount") for call in self.counted)]


def _laid_out(call: str, steps: Sequence[str], indent: str) -> str:
    """The call with the chain as its argument, a step a line where one line is too short."""
    flat = "".join(steps)
    if len(f"{indent}{call}({flat})") <= LINE_LENGTH:
        return f"{call}({flat})"
    deeper = f"\n{indent}    "
    if len(f"{indent}    {flat}") <= LINE_LENGTH:
        return f"{call}({deeper}{flat}\n{indent})"
    return f"{call}({deeper}{deeper.join(steps)}\n{indent})"


def loop_at(evidence: WriteEvidence, model: Model, source: Source) -> tuple[Module, cst.For] | None:
    """The `for` statement that the finding names."""
    site = evidence.loop
    module = source.module(site.path) if site else None
    if module is None or site is None:
        return None
    return next(
        ((module, node) for node in module.nodes(cst.For) if _is_at(module, node, site)), None
    )


def session_loop(module: Module, node: cst.For, model: Model) -> SessionLoop | str:
    """The loop with the statement that gives its rows, or why it cannot be told."""
    if not isinstance(node.target, cst.Name) or node.orelse or node.asynchronous:
        return USED
    if is_used_after(module, node):
        return USED
    value: cst.BaseExpression = node.iter
    line: cst.SimpleStatementLine | None = None
    counted: tuple[cst.Call, ...] = ()
    if isinstance(value, cst.Name):
        found = _named(module, node, value)
        if found is None:
            return USED
        value, line, counted = found
    read = _executed(module, value)
    if read is None:
        return USED
    session, awaited, statement = read
    conditions = _conditions(module, statement, model)
    if conditions is None:
        return USED
    if counted and "result" in names(module.enclosing(node, cst.FunctionDef) or module.tree):
        return USED
    return SessionLoop(
        module, node, node.target.value, model, session, awaited, conditions, line, counted
    )


def flat(module: Module, node: cst.CSTNode) -> str:
    """The node's text on one line."""
    text = re.sub(r"\s*\n\s*", " ", module.text(node))
    return re.sub(r",? \)", ")", text.replace("( ", "("))


def _named(
    module: Module, loop: cst.For, name: cst.Name
) -> tuple[cst.BaseExpression, cst.SimpleStatementLine, tuple[cst.Call, ...]] | None:
    """What the name holds, where the statement just before the loop gives it that value."""
    value = assigned(module, name)
    line = module.enclosing(value, cst.SimpleStatementLine) if value is not None else None
    block = module.parents[loop]
    siblings: Sequence[cst.CSTNode] = getattr(block, "body", ())
    place = next((n for n, one in enumerate(siblings) if one is loop), 0)
    before = siblings[place - 1] if place else None
    if value is None or line is None or before is not line or len(line.body) != 1:
        return None
    counted = _counted(module, loop, name)
    return None if counted is None else (value, line, counted)


def _counted(module: Module, loop: cst.For, name: cst.Name) -> tuple[cst.Call, ...] | None:
    """The calls `len(name)` after the loop; None where the rows are used in another way."""
    function = module.enclosing(loop, cst.FunctionDef) or module.tree
    found = []
    for node in within(function):
        if not isinstance(node, cst.Name) or node.value != name.value or node is name:
            continue
        parent = module.parents[node]
        if isinstance(parent, cst.AssignTarget) or (
            isinstance(parent, cst.Attribute) and parent.attr is node
        ):
            continue
        call = module.parents[parent]
        late = module.start(node) > module.end(loop.body)
        if not isinstance(call, cst.Call) or chains.function(call) != "len" or not late:
            return None
        found.append(call)
    return tuple(found)


def _executed(
    module: Module, value: cst.BaseExpression
) -> tuple[str, bool, cst.BaseExpression] | None:
    """The session, whether it is awaited, and the statement that it runs."""
    awaited = False
    for step in chains.chain(value):
        if isinstance(step, cst.Subscript):
            return None
        if isinstance(step, cst.Await):
            awaited = True
            continue
        name = chains.method(step)
        if isinstance(step, cst.Call) and name in EXECUTES and len(step.args) == 1:
            owner = chains.receiver(step)
            session = chains.dotted(owner) if owner is not None else ""
            return (session, awaited, step.args[0].value) if session else None
        if isinstance(step, cst.Call) and (name not in FETCHES or step.args):
            return None
    return None


def _conditions(
    module: Module, statement: cst.BaseExpression, model: Model
) -> tuple[str, ...] | None:
    """The narrowing steps of `select(Model)`, None for a statement that does more."""
    found: list[str] = []
    node: cst.BaseExpression = statement
    while True:
        for step in chains.chain(node):
            name = chains.method(step)
            if isinstance(step, cst.Call) and name in CONDITIONS:
                args = ", ".join(flat(module, arg).rstrip(", ") for arg in step.args)
                found.append(f".{name}({args})")
            elif isinstance(step, cst.Call) and isinstance(step.func, cst.Name):
                whole = step.func.value == "select" and len(step.args) == 1
                if whole and chains.dotted(step.args[0].value) == model.name:
                    return tuple(reversed(found))
                return None
            elif isinstance(step, cst.Call) and name not in DROPPED:
                return None
            elif isinstance(step, cst.Name):
                given = assigned(module, step)
                if given is None or given is node:
                    return None
                node = given
                break
            elif not isinstance(step, cst.Call):
                return None
        else:
            return None


def _is_at(module: Module, node: cst.For, site: Site) -> bool:
    return module.start(node) == module.offset(site.line, site.column)


def body(loop: SessionLoop, keep: Callable[[cst.BaseSmallStatement], bool]) -> bool:
    """Whether every statement of the loop's body is one to `keep`, or a flush."""
    block = loop.node.body
    if not isinstance(block, cst.IndentedBlock):
        return False
    return all(
        isinstance(line, cst.SimpleStatementLine)
        and all(loop.flushes(small) or keep(small) for small in line.body)
        for line in block.body
    )
