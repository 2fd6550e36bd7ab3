"""Whether an expression has one value for as long as the process runs."""

from collections.abc import Iterator

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._row_writes import CHANGING, within
from unslow.lab.prescribe._top_level import bound_by

PURE = frozenset(
    """
    join escape format lower upper strip replace split str repr int float bool len min max sum abs
    sorted reversed list tuple set frozenset dict range zip enumerate map filter chr ord round
    select_autoescape dirname abspath resolve
    """.split()  # noqa: SIM905
)
RUNNING = cst.Await | cst.Yield | cst.NamedExpr | cst.Lambda
OUTSIDE = frozenset({"environ", "settings", "config"})


def is_pure(node: cst.CSTNode, *, outside: bool = False) -> bool:
    """Whether running it once instead of each time gives the same: classes and plain functions.

    `outside` allows what the process is started with: its environment, its settings.
    """
    return not any(
        isinstance(one, RUNNING)
        or (isinstance(one, cst.Call) and not _is_plain(one, outside))
        or (isinstance(one, cst.Name) and one.value in OUTSIDE and not outside)
        for one in within(node)
    )


def is_lasting(module: Module, name: str) -> bool:
    """Whether nothing in the module gives the name another value, or changes a part of it."""
    values = [one for top in module.tree.body for one in bound_by(top) if one == name]
    if len(values) > 1 or any(
        name == item.name.value for one in module.nodes(cst.Global) for item in one.names
    ):
        return False
    return not is_changed(module, name, module.tree) and not _is_handed_on(module, name)


def is_changed(module: Module, name: str, scope: cst.CSTNode) -> bool:
    """Whether a part of the name's value is assigned, or a method of it changes one."""
    return any(_root(target) == name for node in within(scope) for target in _changed(node))


def _changed(node: cst.CSTNode) -> Iterator[cst.BaseExpression]:
    if isinstance(node, cst.AugAssign):
        yield node.target
    elif isinstance(node, cst.AssignTarget | cst.AnnAssign | cst.Del):
        if isinstance(node.target, cst.Attribute | cst.Subscript):
            yield node.target
    elif isinstance(node, cst.Call) and chains.method(node) in CHANGING:
        owner = chains.receiver(node)
        if owner is not None:
            yield owner


def _root(node: cst.BaseExpression) -> str:
    *_, root = chains.chain(node)
    return chains.dotted(root).partition(".")[0]


def _is_plain(call: cst.Call, outside: bool = False) -> bool:
    name = chains.method(call) or chains.function(call) or ""
    if outside and (name == "getenv" or "environ.get" in chains.dotted(call.func)):
        return True
    return name in PURE or name[:1].isupper()


def _is_handed_on(module: Module, name: str) -> bool:
    """Whether a call at the top of the module, which may change it, gets the value."""
    for node in module.nodes(cst.Arg):
        if isinstance(node.value, cst.Name) and node.value.value == name:
            call = module.parents[node]
            inside = any(isinstance(o, cst.FunctionDef) for o in module.ancestors(node))
            if isinstance(call, cst.Call) and not inside and not _is_plain(call):
                return True
    return False
