"""What a function's local name stands for."""

import libcst as cst

from unslow.lab.prescribe._chains import dotted
from unslow.lab.prescribe._module import Module


def assigned(module: Module, name: cst.Name) -> cst.BaseExpression | None:
    """The value of a name that its function assigns once, before its use; else None."""
    scope = module.enclosing(name, cst.FunctionDef) or module.tree
    values = [
        (module.start(node), value)
        for node in [*module.nodes(cst.Assign), *module.nodes(cst.AnnAssign)]
        if (value := _value(node, name.value)) is not None and _scope(module, node) is scope
    ]
    if len(values) != 1 or is_rebound(module, scope, name.value):
        return None
    start, expression = values[0]
    return expression if start < module.start(name) else None


def is_rebound(module: Module, scope: cst.CSTNode, name: str) -> bool:
    """Whether a parameter, loop, `with`, `+=` or `:=` binds the name in the scope, too."""
    return any(
        _scope(module, node) is scope and name in _bound(node)
        for kind in (cst.Param, cst.For, cst.CompFor, cst.AugAssign, cst.NamedExpr, cst.AsName,
                     cst.Global, cst.Nonlocal, cst.Del)
        for node in module.nodes(kind)
    )  # fmt: skip


def names(node: cst.CSTNode) -> set[str]:
    """Every name that the node reads or binds; attributes and keywords are none."""
    found: set[str] = set()
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, cst.Name):
            found.add(item.value)
        elif isinstance(item, cst.Attribute | cst.Arg):
            stack.append(item.value)
        else:
            stack.extend(item.children)
    return found


def bound_names(target: cst.CSTNode) -> set[str]:
    """The names that a target gives a value; parts of a value (`a.b`, `a[0]`) are none."""
    if isinstance(target, cst.Name):
        return {target.value}
    if isinstance(target, cst.Tuple | cst.List):
        return {name for one in target.elements for name in bound_names(one.value)}
    return set()


def _value(node: cst.CSTNode, name: str) -> cst.BaseExpression | None:
    if isinstance(node, cst.Assign) and any(dotted(t.target) == name for t in node.targets):
        return node.value
    if isinstance(node, cst.AnnAssign) and dotted(node.target) == name:
        return node.value
    return None


def _bound(node: cst.CSTNode) -> set[str]:
    if isinstance(node, cst.Param):
        return {node.name.value}
    if isinstance(node, cst.For | cst.CompFor | cst.AugAssign | cst.NamedExpr | cst.Del):
        return names(node.target)
    if isinstance(node, cst.AsName):
        return names(node.name)
    return names(node)


def _scope(module: Module, node: cst.CSTNode) -> cst.CSTNode:
    return module.enclosing(node, cst.FunctionDef) or module.tree
