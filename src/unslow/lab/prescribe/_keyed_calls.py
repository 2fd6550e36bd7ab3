"""A cache call that a loop makes for each of its rows: its client, its key, and the loop."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._imports import origin_of
from unslow.lab.prescribe._locals import assigned, names
from unslow.lab.prescribe._loops import Loop, is_repeatable, is_undisturbed, loop_of
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._result_rows import Rows
from unslow.lab.prescribe._source import Source
from unslow.model import Site, TextEdit

FILLING = frozenset({"set", "setex", "add", "aset", "aadd"})  # of what was missing
MOST_IMPORTS = 3  # followed to find what a name is

NOT_PLAIN = "the call or its key is not plain to see"
ELSEWHERE = "the loop that makes each call is in another function"
GONE = "the rows that the loop runs over may be gone after reading them once"
CHANGES = "the loop changes what it reads from the cache, or handles errors"


@dataclass(frozen=True)
class KeyedCall:
    """`client.get(key, ...)` in a loop; `key` is the text of the key as the loop's head can say it.

    `node` is the whole expression, with its `await`; `rest` are the arguments after the key.
    """

    node: cst.BaseExpression
    call: cst.Call
    client: cst.BaseExpression
    key: str
    rest: tuple[str, ...]
    awaited: bool
    loop: Loop
    rows: Rows

    @property
    def method(self) -> str:
        return chains.method(self.call)

    @property
    def module(self) -> Module:
        return self.loop.module

    @property
    def written_key(self) -> str:
        """The key as the call writes it."""
        return self.module.text(self.call.args[0].value)

    @property
    def keys(self) -> str:
        return f"[{self.key} for {self.loop.target} in {self.rows.name}]"

    def before(self, text: str) -> list[TextEdit]:
        """Write `text` before the loop, whose rows have the name `rows.name` there."""
        rows = self.rows
        opening, closing = rows.opening or "list(", rows.closing or ")"
        return [*self.loop.before(text, rows.name, opening, closing), *rows.edits]


def keyed_call(site: Site, source: Source) -> KeyedCall | str:
    """The call at `site`, or the reason why it cannot be made once for all rows."""
    module = source.module(site.path)
    node = module.at(site) if module else None
    call = node.expression if isinstance(node, cst.Await) else node
    if module is None or not isinstance(call, cst.Call) or not call.args:
        return NOT_PLAIN
    awaited = isinstance(module.parents.get(call), cst.Await)
    whole = module.parents[call] if awaited else call
    assert isinstance(whole, cst.BaseExpression)
    client = chains.receiver(call)
    first, *rest = call.args
    if client is None or any(arg.star or arg.keyword for arg in (first, *rest)):
        return NOT_PLAIN
    loop = loop_of(module, call)
    if loop is None:
        return ELSEWHERE
    key = _key(first.value, loop)
    if key is None or names(client) & loop.bound():
        return NOT_PLAIN
    if not is_undisturbed(loop, call) or _changes(loop, call, client):
        return CHANGES
    rows = _rows(loop, source)
    if rows is None:
        return GONE
    texts = tuple(module.text(arg.value) for arg in rest)
    return KeyedCall(whole, call, client, module.text(key), texts, awaited, loop, rows)


def is_from(module: Module, node: cst.BaseExpression, package: str) -> bool:
    """Whether the first name of `node` is imported from `package`."""
    root = chains.dotted(node).partition(".")[0]
    return bool(root) and origin_of(module, root) == package


def mentions(module: Module, node: cst.BaseExpression, word: str, source: Source) -> bool:
    """Whether what gives `node` its value names `word`, here or in the modules it comes from."""
    name = chains.dotted(node).partition(".")[0]
    for _ in range(MOST_IMPORTS):
        if not name:
            return False
        if any(word in text.lower() for text in _meanings(module, name)):
            return True
        package = origin_of(module, name)
        following = _imported(package, module, source) if package else None
        if following is None or following is module:
            return False
        module = following
    return False


def _key(node: cst.BaseExpression, loop: Loop) -> cst.BaseExpression | None:
    """The key by what the loop's head binds; None where the loop's body has a part in it."""
    if isinstance(node, cst.Name) and node.value not in names(loop.node.target):
        found = assigned(loop.module, node)
        if found is None or not isinstance(loop.node, cst.For):
            return None
        node = found
    inner = loop.bound() - names(loop.node.target)
    one_line = "\n" not in loop.module.text(node)
    fits = names(node) & names(loop.node.target) and not names(node) & inner
    return node if fits and one_line and not _awaits(node) else None


def _awaits(node: cst.CSTNode) -> bool:
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, cst.Await | cst.NamedExpr | cst.Yield):
            return True
        stack.extend(item.children)
    return False


def _changes(loop: Loop, call: cst.Call, client: cst.BaseExpression) -> bool:
    """Whether the loop does more with the client than read it, and fill in what is missing."""
    module = loop.module
    body = loop.node if isinstance(loop.node, cst.For) else module.parents[loop.node]
    text = module.text(client)
    return any(
        body in module.ancestors(node)
        and node is not call
        and isinstance(node.func, cst.Attribute)
        and module.text(node.func.value) == text
        and chains.method(node) not in FILLING | {chains.method(call)}
        for node in module.nodes(cst.Call)
    )


def _rows(loop: Loop, source: Source) -> Rows | None:
    name = loop.rows_name()
    if name is not None and is_repeatable(loop):
        return Rows(name)
    return Rows.of(loop, source)


def _meanings(module: Module, name: str) -> list[str]:
    """The texts of what binds the name: assignments, annotated parameters, imports."""
    found = [
        module.text(node)
        for kind in (cst.Param, cst.AnnAssign, cst.WithItem)
        for node in module.nodes(kind)
        if _binds(node, name)
    ]
    for node in module.nodes(cst.Assign):
        if any(chains.dotted(target.target) == name for target in node.targets):
            found.append(module.text(node.value))
    package = origin_of(module, name)
    return [*found, package] if package else found


def _binds(node: cst.CSTNode, name: str) -> bool:
    if isinstance(node, cst.Param):
        return node.name.value == name
    if isinstance(node, cst.AnnAssign):
        return chains.dotted(node.target) == name
    if isinstance(node, cst.WithItem) and node.asname is not None:
        return name in names(node.asname.name)
    return False


def _imported(package: str, module: Module, source: Source) -> Module | None:
    """The application's module of that name, looked up beside the importing one and above."""
    relative = package.replace(".", "/")
    folders = module.path.split("/")[:-1]
    for depth in range(len(folders), -1, -1):
        start = "/".join([*folders[:depth], relative])
        for path in (f"{start}.py", f"{start}/__init__.py"):
            if source.exists(path):
                return source.module(path)
    return None
