"""The loop that leads to a write for each of its rows, found in the source."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from unslow.model import Site

Function = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp

MOST_CALLS = 3  # between the loop and the write: beyond, a loop runs over other things than rows
SAVES = frozenset({"save", "asave"})
COMMITS = frozenset({"commit", "acommit"})
SETS = frozenset({"update", "aupdate", "values"})
UNITS = frozenset({"atomic", "begin", "begin_nested", "transaction", "savepoint", "suppress"})
CONSTANTS = frozenset({"choices", "values", "labels", "names"})  # of a class that lists them


@dataclass(frozen=True)
class Loop:
    """A loop of the application around a write.

    `depth` counts the calls between the loop and the write. `is_guarded`: each round handles its
    own errors, or is a transaction of its own. `reads_itself`: the value that is written is made
    of the one that the row had. `change` is the expression that makes it. `commits`: the write is
    sent by a `commit()` in each round.
    """

    place: Site
    depth: int = 0
    is_guarded: bool = False
    reads_itself: bool = False
    change: Site | None = None
    commits: bool = False


@dataclass
class Loops:
    """Looks for loops in files that `read` gives; it raises `OSError`."""

    read: Callable[[str], bytes]
    _files: dict[str, _File | None] = field(default_factory=dict)

    def around(self, stack: Sequence[Site]) -> Loop | None:
        """The loop over rows around the innermost frames of a write."""
        guarded = False
        for depth, site in enumerate(stack[:MOST_CALLS]):
            file = self._file(site.path)
            node = file.at(site) if file is not None else None
            if file is None or node is None:
                return None
            loop, here = file.loop(node)
            guarded = guarded or here
            if loop is not None:
                if _is_constant(_iterated(loop)):
                    return None
                first = self._file(stack[0].path)
                written = first.at(stack[0]) if first is not None else None
                own = first is not None and written is not None and _rewrites(first, written)
                ends = isinstance(written, ast.Call) and _method(written) in COMMITS
                return Loop(_site(file, loop), depth, guarded, own, commits=ends)
        return None

    def changing(self, stack: Sequence[Site], kind: str) -> Loop | None:
        """The loop that changed or deleted the rows which the function of `stack` then flushed."""
        for site in stack[:MOST_CALLS]:
            file = self._file(site.path)
            node = file.at(site) if file is not None else None
            function = file.function(node) if file is not None and node is not None else None
            if file is None or function is None:
                continue
            for loop in ast.walk(function):
                if isinstance(loop, ast.For | ast.AsyncFor) and file.function(loop) is function:
                    found = _change(file, loop, kind)
                    if found is not None and not _is_constant(loop.iter):
                        return found
        return None

    def _file(self, path: str) -> _File | None:
        if path not in self._files:
            try:
                self._files[path] = _File.parse(path, self.read(path))
            except (OSError, SyntaxError, ValueError):
                self._files[path] = None
        return self._files[path]


@dataclass(frozen=True)
class _File:
    path: str
    tree: ast.Module
    parents: dict[ast.AST, ast.AST]

    @classmethod
    def parse(cls, path: str, content: bytes) -> _File:
        tree = ast.parse(content)
        parents = {below: node for node in ast.walk(tree) for below in ast.iter_child_nodes(node)}
        return cls(path, tree, parents)

    def at(self, site: Site) -> ast.expr | None:
        """The smallest expression around `site`, without its `await`."""
        start, end = (site.line, site.column), (site.end_line, site.end_column)
        around = [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.expr) and _start(node) <= start and _end(node) >= end
        ]
        node = max(around, key=lambda one: (_start(one), _reversed(_end(one))), default=None)
        return node.value if isinstance(node, ast.Await) else node

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def function(self, node: ast.AST) -> Function | None:
        return next((one for one in self.around(node) if isinstance(one, Function)), None)

    def loop(self, node: ast.AST) -> tuple[ast.stmt | Comprehension | None, bool]:
        """The loop whose body has `node`, and whether each round is guarded."""
        guarded = False
        inner: ast.AST = node
        for outer in self.around(node):
            if isinstance(outer, Function | ast.Lambda | ast.ClassDef):
                break
            if isinstance(outer, ast.Try | ast.TryStar):
                guarded = guarded or (inner in outer.body and bool(outer.handlers))
            elif isinstance(outer, ast.With | ast.AsyncWith):
                guarded = guarded or any(_is_unit(item.context_expr) for item in outer.items)
            elif isinstance(outer, ast.For | ast.AsyncFor):
                if inner in outer.body:
                    return outer, guarded
            elif isinstance(outer, Comprehension) and inner is not outer.generators[0]:
                return outer, guarded
            inner = outer
        return None, False


def _is_unit(node: ast.expr) -> bool:
    call = node.func if isinstance(node, ast.Call) else node
    name = call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "")
    return name in UNITS


def _method(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _iterated(loop: ast.stmt | Comprehension) -> ast.expr:
    if isinstance(loop, Comprehension):
        return loop.generators[0].iter
    assert isinstance(loop, ast.For | ast.AsyncFor)
    return loop.iter


def _is_constant(node: ast.expr) -> bool:
    """Whether the code itself says how often the loop runs."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return not any(isinstance(one, ast.Starred) for one in node.elts)
    if isinstance(node, ast.Constant | ast.Dict):
        return True
    if isinstance(node, ast.Name):
        return node.id.isupper() or node.id[:1].isupper()
    if isinstance(node, ast.Attribute):
        return node.attr.isupper() or (node.attr in CONSTANTS and _is_constant(node.value))
    if isinstance(node, ast.Call):
        named = isinstance(node.func, ast.Name)
        if named and node.args:
            return all(_is_constant(arg) for arg in node.args)
        return isinstance(node.func, ast.Attribute) and _is_constant(node.func.value)
    return False


def _rewrites(file: _File, written: ast.expr) -> bool:
    """Whether the write at `written` stores a value that was made of the row's own."""
    if not isinstance(written, ast.Call) or not isinstance(written.func, ast.Attribute):
        return False
    function = file.function(written)
    if written.func.attr in SAVES and function is not None:
        owner = ast.unparse(written.func.value)
        return any(_of_itself(node, owner) for node in ast.walk(function))
    loop, _ = file.loop(written)
    targets = _names(loop.target) if isinstance(loop, ast.For | ast.AsyncFor) else set()
    if written.func.attr in ("flush", "commit") and loop is not None:
        return any(_of_itself(node, owner) for node in ast.walk(loop) for owner in targets)
    return any(
        keyword.arg is not None and _reads(keyword.value, f"{owner}.{keyword.arg}")
        for call in ast.walk(written)
        if isinstance(call, ast.Call) and _method(call) in SETS
        for keyword in call.keywords
        for owner in targets
    )


def _of_itself(node: ast.AST, owner: str) -> bool:
    """`row.price *= 2`, `row.price = row.price * 2`."""
    if isinstance(node, ast.AugAssign):
        return _attribute_of(node.target, owner)
    if isinstance(node, ast.Assign):
        return any(
            _attribute_of(target, owner) and _reads(node.value, ast.unparse(target))
            for target in node.targets
        )
    return False


def _attribute_of(node: ast.expr, owner: str) -> bool:
    return isinstance(node, ast.Attribute) and ast.unparse(node.value) == owner


def _reads(node: ast.expr, text: str) -> bool:
    return any(
        isinstance(one, ast.Attribute) and ast.unparse(one) == text for one in ast.walk(node)
    )


def _change(file: _File, loop: ast.For | ast.AsyncFor, kind: str) -> Loop | None:
    """The loop as one that changes (or deletes) each of its rows, None if it does not."""
    for name in _names(loop.target):
        for node in ast.walk(loop):
            made = _deleted(node, name) if kind == "delete" else _assigned(node, name)
            if made is not None:
                _, guarded = file.loop(made)
                own = kind == "update" and any(_of_itself(one, name) for one in ast.walk(loop))
                return Loop(_site(file, loop), 0, guarded, own, _site(file, made))
    return None


def _assigned(node: ast.AST, name: str) -> ast.expr | None:
    if isinstance(node, ast.AugAssign) and _attribute_of(node.target, name):
        return node.target
    if isinstance(node, ast.Assign) and any(_attribute_of(one, name) for one in node.targets):
        return node.value
    return None


def _deleted(node: ast.AST, name: str) -> ast.expr | None:
    is_delete = (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "delete"
        and any(isinstance(arg, ast.Name) and arg.id == name for arg in node.args)
    )
    return node if is_delete and isinstance(node, ast.Call) else None


def _names(target: ast.expr) -> set[str]:
    return {one.id for one in ast.walk(target) if isinstance(one, ast.Name)}


def _site(file: _File, node: ast.expr | ast.stmt) -> Site:
    function = file.function(node)
    end_line, end_column = _end(node)
    return Site(
        file.path,
        node.lineno,
        end_line,
        node.col_offset,
        end_column,
        function.name if function is not None else "<module>",
    )


def _start(node: ast.expr | ast.stmt) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _end(node: ast.expr | ast.stmt) -> tuple[int, int]:
    return node.end_lineno or node.lineno, node.end_col_offset or 0


def _reversed(end: tuple[int, int]) -> tuple[int, int]:
    return -end[0], -end[1]
