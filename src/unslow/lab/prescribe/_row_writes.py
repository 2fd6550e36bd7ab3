"""A loop that writes row by row: its parts, and the lines before and after it."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._locals import names
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Model, Site, TextEdit, WriteEvidence

LEAVING = cst.Return | cst.Raise | cst.Yield
SCOPES = cst.FunctionDef | cst.ClassDef | cst.Lambda | cst.Module
BLOCKS = cst.IndentedBlock | cst.If | cst.Else | cst.With | cst.SimpleStatementLine | cst.Expr

CHANGING = frozenset(
    {"append", "extend", "insert", "add", "update", "setdefault", "pop", "popitem", "remove"}
    | {"discard", "clear", "sort", "reverse"}
)
ENDS = frozenset({"commit", "rollback", "acommit", "arollback"})

ELSEWHERE = "the loop that writes each row is in another function"
EARLY = "the loop may be left before its end, with the rows so far written"
REREADS = "the table is read again between the writes"
COMMITS = "each round is a transaction of its own"
SEVERAL = "each round writes several tables"
CONTEXT = "each round writes in a `with` block of its own"
DATABASE = "the function chooses a database by using()"


@dataclass(frozen=True)
class RowWrite:
    """`call` writes a row in each round of `loop`, the outermost of its function.

    `node` is the call, with its `await` where there is one.
    """

    module: Module
    call: cst.Call
    node: cst.BaseExpression
    loop: cst.For
    model: Model

    @property
    def awaited(self) -> bool:
        return self.node is not self.call

    @property
    def prefix(self) -> str:
        return "await " if self.awaited else ""

    @property
    def function(self) -> cst.CSTNode:
        return self.module.enclosing(self.loop, cst.FunctionDef) or self.module.tree

    def is_statement(self) -> bool:
        """Whether nothing is done with what the call returns."""
        return isinstance(self.module.parents[self.node], cst.Expr)

    def free_name(self, *wanted: str) -> str | None:
        used = names(self.function) | set(keyword.kwlist) | set(dir(builtins))
        return next((name for name in wanted if name not in used), None)

    def reads(self, name: str) -> list[cst.Name]:
        """Where the loop uses a name's value, in the order of the file."""
        found = [node for node in within(self.loop) if self._is_read(node, name)]
        return sorted((n for n in found if isinstance(n, cst.Name)), key=self.module.start)

    def _is_read(self, node: cst.CSTNode, name: str) -> bool:
        if not isinstance(node, cst.Name) or node.value != name:
            return False
        parent = self.module.parents[node]
        if isinstance(parent, cst.Attribute):
            return parent.value is node
        if isinstance(parent, cst.Arg):
            return parent.value is node
        return not isinstance(parent, cst.AssignTarget | cst.For | cst.CompFor | cst.AnnAssign)


def written(
    finding: Finding, source: Source, orm: str, *operations: str
) -> tuple[WriteEvidence, Model] | None:
    """What the finding says was written, where it is of this ORM and one of the operations."""
    evidence = finding.evidence
    if not isinstance(evidence, WriteEvidence) or evidence.orm != orm:
        return None
    model = source.model(evidence.model)
    return (evidence, model) if model and evidence.operation in operations else None


def row_write(site: Site, model: Model, source: Source) -> RowWrite | None:
    """The call at `site` and the loops around it."""
    module = source.module(site.path)
    node = module.at(site) if module else None
    if module is None or node is None:
        return None
    if not isinstance(node, cst.Await) and isinstance(module.parents.get(node), cst.Await):
        node = module.parents[node]  # type: ignore[assignment]
    call = node.expression if isinstance(node, cst.Await) else node
    loop = _outermost(module, node)
    if not isinstance(call, cst.Call) or loop is None:
        return None
    return RowWrite(module, call, node, loop, model)


def loop_refusal(write: RowWrite, evidence: WriteEvidence) -> str:
    """Why the writes of the loop cannot wait for its end, or ""."""
    if evidence.rereads:
        return REREADS
    if any(isinstance(outer, cst.With) for outer in around(write)):
        return CONTEXT
    loops = [node for node in within(write.loop) if isinstance(node, cst.For)]
    if any(loop.orelse is not None or loop.asynchronous is not None for loop in loops):
        return EARLY
    if any(isinstance(node, LEAVING) for node in within(write.loop)):
        return EARLY
    ends = (n for n in within(write.loop) if chains.method(n) in ENDS and n is not write.call)
    if any(True for _ in ends):
        return COMMITS
    return SEVERAL if evidence.others else ""


def has_lines(write: RowWrite) -> bool:
    """Whether a line can be written behind the call."""
    suites = (o for o in write.module.ancestors(write.node) if isinstance(o, cst.BaseSuite))
    return isinstance(next(suites, None), cst.IndentedBlock)


def chooses_database(write: RowWrite) -> bool:
    """Whether the function reads rows by `using()`, which a bulk by the manager would not."""
    return any(chains.method(node) == "using" for node in within(write.function))


def around(write: RowWrite) -> Iterator[cst.CSTNode]:
    """What stands between the call and its loop."""
    for outer in write.module.ancestors(write.node):
        if outer is write.loop:
            return
        yield outer


def bound(write: RowWrite) -> set[str]:
    """Every name that the loop gives a value."""
    found = set()
    for node in within(write.loop):
        if isinstance(node, cst.AssignTarget | cst.For | cst.NamedExpr | cst.AnnAssign):
            found |= names(node.target)
        elif isinstance(node, cst.AsName):
            found |= names(node.name)
    return found


def shares(write: RowWrite, values: Iterable[cst.BaseExpression]) -> bool:
    """Whether a value is one object for all rounds, which each of them changes."""
    kept = {value.value for value in values if isinstance(value, cst.Name)} - bound_whole(write)
    return any(
        chains.dotted(owner) in kept
        for node in within(write.loop)
        if (owner := _changed(node)) is not None
    )


def bound_whole(write: RowWrite, *, targets: bool = True) -> set[str]:
    """The names that get a value in the loop, not only a part of one; `targets`: of loops, too."""
    kinds = cst.AssignTarget | cst.NamedExpr | cst.AnnAssign
    return {
        name
        for node in within(write.loop)
        if isinstance(node, (kinds | cst.For) if targets else kinds)
        and isinstance(node.target, cst.Name | cst.Tuple | cst.List)
        for name in names(node.target)
    }


def _changed(node: cst.CSTNode) -> cst.BaseExpression | None:
    """What a node changes a part of: `data` in `data["a"] = 1` and `data.append(1)`."""
    if isinstance(node, cst.AssignTarget | cst.AugAssign | cst.Del):
        target = node.target
        if isinstance(target, cst.Subscript | cst.Attribute):
            return target.value
        return target if isinstance(node, cst.AugAssign) else None
    if isinstance(node, cst.Call) and chains.method(node) in CHANGING:
        return chains.receiver(node)
    return None


def is_used_after(module: Module, loop: cst.For) -> bool:
    """Whether what the loop binds is read behind it, where no other loop binds it again."""
    bound_here = names(loop.target)
    scope = module.enclosing(loop, cst.FunctionDef) or module.tree
    return any(
        isinstance(node, cst.Name)
        and node.value in bound_here
        and module.start(node) > module.end(loop.body)
        and not _is_label(module, node)
        and not _is_bound_by_loop(module, node)
        for node in within(scope)
    )


def _is_label(module: Module, node: cst.Name) -> bool:
    parent = module.parents[node]
    return (isinstance(parent, cst.Attribute) and parent.attr is node) or (
        isinstance(parent, cst.Arg) and parent.keyword is node
    )


def _is_bound_by_loop(module: Module, node: cst.Name) -> bool:
    for outer in module.ancestors(node):
        if isinstance(outer, cst.For) and node.value in names(outer.target):
            return True
        if isinstance(outer, cst.BaseComp) and node.value in names(outer.for_in.target):
            return True
    return False


def model_refusal(model: Model, *hooks: str) -> str:
    """Why rows of the model may not be written in bulk, or "". `hooks` are what bulk passes by."""
    overrides = [f"{name}()" for name in model.overrides if name in hooks]
    if overrides:
        return f"{model.name} overrides {', '.join(overrides)}, which a write in bulk does not call"
    signals = [name for name in model.signals if name in hooks]
    if signals:
        return f"{' and '.join(signals)} of {model.name} would no longer be sent"
    if model.parents:
        return f"{model.name} keeps a part of each row in the table of a parent"
    return ""


def within(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The node and everything below it."""
    stack = [node]
    while stack:
        item = stack.pop()
        yield item
        stack.extend(item.children)


def before(module: Module, statement: cst.CSTNode, text: str) -> TextEdit:
    """`text` as a line before a statement."""
    start = module.start(statement)
    return module.insert(start, f"{text}\n{module.indent(start)}")


def after(module: Module, statement: cst.CSTNode, text: str) -> TextEdit:
    """`text` as lines after a statement, at its indentation."""
    indent = module.indent(module.start(statement))
    lines = "".join(f"\n{indent}{line}" if line else "\n" for line in text.split("\n"))
    return module.insert(line_end(module, statement), lines)


def line_end(module: Module, statement: cst.CSTNode) -> int:
    """Where the last line of a statement ends, a comment behind it included."""
    simple = [n for n in within(statement) if isinstance(n, cst.BaseSmallStatement)]
    last = max((module.end(node) for node in simple), default=module.end(statement))
    end = module.content.find(b"\n", last)
    return end if end >= 0 else len(module.content)


def whole_line(module: Module, node: cst.CSTNode) -> cst.SimpleStatementLine | None:
    """The line of the statement that `node` is part of, where it stands alone."""
    line = module.enclosing(node, cst.SimpleStatementLine)
    return line if line is not None and len(line.body) == 1 else None


def argument_text(module: Module, call: cst.Call) -> str:
    """What stands between the parentheses of a call, as it is written."""
    start = module.content.index(b"(", module.end(call.func)) + 1
    return module.content[start : module.end(call) - 1].decode()


def _outermost(module: Module, node: cst.CSTNode) -> cst.For | None:
    """The outermost `for` around `node` that nothing but blocks separates from it."""
    found: cst.For | None = None
    inner = node
    for outer in module.ancestors(node):
        if isinstance(outer, cst.For):
            if inner is not outer.body:
                break
            found = outer
        elif isinstance(outer, SCOPES) or (found is not None and not isinstance(outer, BLOCKS)):
            break
        elif isinstance(outer, cst.CompFor | cst.BaseComp | cst.While | cst.Try | cst.TryStar):
            return None
        inner = outer
    return found


def plain_objects(call: cst.Call, model: Model) -> bool:
    """Whether the call is a method of `Model.objects`."""
    owner = chains.receiver(call)
    return owner is not None and chains.dotted(owner).endswith(f"{model.name}.objects")
