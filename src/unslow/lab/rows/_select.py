"""The parts of a SQLAlchemy statement that a function builds, runs and reads."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from unslow.lab.rows._file import File
from unslow.lab.rows._flow import Rows, chain, function, method
from unslow.model import TextEdit

RUNS = frozenset({"scalars", "execute"})
TAIL = frozenset({"all", "scalars", "unique"})
STEPS = frozenset(
    {"where", "filter", "filter_by", "join", "outerjoin", "options", "order_by", "limit", "offset"}
    | {"distinct", "select_from", "execution_options", "params"}
)


@dataclass(frozen=True)
class Selected:
    """`(await session.scalars(select(Order).where(...))).all()`.

    `run` is the call that executes, `whole` it with its `await`, `statement` the chain that begins
    with `root`, the call of `select`, whose only argument is `entity`.
    """

    file: File
    run: ast.Call
    whole: ast.expr
    statement: ast.expr
    root: ast.Call
    entity: ast.expr
    steps: tuple[ast.Call, ...]

    @property
    def names(self) -> frozenset[str]:
        """The methods that build the statement."""
        return frozenset(method(step) for step in self.steps)

    @property
    def name(self) -> str:
        """How the source writes the mapped class."""
        return self.file.text(self.entity)

    def run_by(self, verb: str, rows: Rows) -> list[TextEdit]:
        """Execute by another method of the session, and give its result as it is."""
        assert isinstance(self.run.func, ast.Attribute)
        end = self.file.end(self.run.func)
        renamed = TextEdit(self.file.path, end - len(self.run.func.attr), end, verb)
        edits = [renamed] if self.run.func.attr != verb else []
        _, stop = self.file.parenthesised(self.whole)
        last = max(self.file.end(rows.query), stop)
        return [*edits, self.file.delete(stop, last)] if last > stop else edits

    def select(self, text: str) -> TextEdit:
        """Ask for `text` instead of the entity."""
        return self.file.replace(self.entity, text)

    def without(self, *names: str) -> list[TextEdit]:
        """The statement without the steps of these names."""
        return [
            self.file.delete(_start(self.file, step), self.file.end(step))
            for step in self.steps
            if method(step) in names
        ]

    def then(self, text: str) -> TextEdit:
        """Append a step (`.limit(1)`) to the statement."""
        return self.file.insert(self.file.end(self.statement), text)

    def where(self, conditions: Sequence[str]) -> list[TextEdit]:
        """Ask for these conditions as well, after the last ones, before any order."""
        if not conditions:
            return []
        own = [step for step in self.steps if method(step) in ("where", "filter", "join")]
        last = own[0] if own else self.root
        return [self.file.insert(self.file.end(last), f".where({', '.join(conditions)})")]


def selected(rows: Rows) -> Selected | None:
    """None where the source does not show a plain statement of one entity."""
    file = rows.file
    steps = list(chain(rows.query))
    run = next((s for s in steps if method(s) in RUNS and _arguments(s)), None)
    if not isinstance(run, ast.Call):
        return None
    after = steps[: steps.index(run)]
    if {method(step) for step in after if isinstance(step, ast.Call)} - TAIL:
        return None
    if any(isinstance(step, ast.Subscript) for step in after):
        return None
    parent = file.parents[run]
    whole: ast.expr = parent if isinstance(parent, ast.Await) else run
    statement = _statement(file, run.args[0])
    calls = [step for step in chain(statement) if isinstance(step, ast.Call)] if statement else []
    if statement is None or not calls or function(calls[-1]) != "select":
        return None
    root, own = calls[-1], calls[:-1]
    if len(root.args) != 1 or root.keywords or {method(step) for step in own} - STEPS:
        return None
    entity = root.args[0]
    if not isinstance(entity, ast.Name | ast.Attribute) or not _is_class(entity):
        return None
    return Selected(file, run, whole, statement, root, entity, tuple(own))


def _arguments(node: ast.expr) -> list[ast.expr]:
    return node.args[:1] if isinstance(node, ast.Call) else []


def _statement(file: File, node: ast.expr) -> ast.expr | None:
    """The chain itself, or what a local name holds that nothing else reads."""
    if not isinstance(node, ast.Name):
        return node
    scope = file.scope(node)
    named = [n for n in ast.walk(scope) if isinstance(n, ast.Name) and n.id == node.id]
    if len(named) != 2:
        return None
    given = next((n for n in named if isinstance(n.ctx, ast.Store)), None)
    parent = file.parents[given] if given is not None else None
    if isinstance(parent, ast.Assign) and parent.targets == [given]:
        return parent.value
    return None


def _is_class(node: ast.Name | ast.Attribute) -> bool:
    name = node.id if isinstance(node, ast.Name) else node.attr
    held = node.value if isinstance(node, ast.Attribute) else None
    column = isinstance(held, ast.Name) and held.id[:1].isupper()
    return name[:1].isupper() and not column


def _start(file: File, step: ast.Call) -> int:
    """Where the step begins: after what it is applied to."""
    assert isinstance(step.func, ast.Attribute)
    return file.parenthesised(step.func.value)[1]
