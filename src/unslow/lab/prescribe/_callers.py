"""Finds the loop that calls a helper for each row, one or more calls away from a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._locals import names
from unslow.lab.prescribe._loops import Loop, loop_of
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source
from unslow.model import Load, Site


@dataclass(frozen=True)
class Calling:
    """The loop, the call in it, and what names of the helper are called there.

    `depth` counts the functions between: 1 when the loop's function calls the helper itself.
    """

    loop: Loop
    call: cst.Call
    helper: cst.FunctionDef
    names: dict[str, str]
    depth: int


def frames(load: Load, site: Site) -> tuple[Site, ...]:
    """The application frames of a load whose innermost one stands at `site`."""
    links = load.queryset.links if load.queryset else ()
    return (site, *(links[-1].stack[1:] if links else ()))


def calling_loop(stack: Sequence[Site], wanted: Sequence[str], source: Source) -> Calling | None:
    """The nearest loop around the calls that led to `stack[0]`, innermost frame first.

    `wanted` are names in the function of `stack[0]`, the row's first: parameters that each
    caller passes on as they are.
    """
    module = source.module(stack[0].path) if stack else None
    node = module.at(stack[0]) if module else None
    helper = module.enclosing(node, cst.FunctionDef) if module and node else None
    if helper is None:
        return None
    known = {name: name for name in wanted}
    function = helper
    for depth, site in enumerate(stack[1:], 1):
        module = source.module(site.path)
        call = _call(module, site) if module else None
        if module is None or call is None or chains.function(call) != function.name.value:
            return None
        passed = _passed(function, call)
        known = {name: passed.get(there, "") for name, there in known.items()}
        if not all(known.values()):
            return None
        loop = loop_of(module, call, known[wanted[0]])
        if loop is not None:
            return Calling(loop, call, helper, known, depth)
        outer = module.enclosing(call, cst.FunctionDef)
        if outer is None:
            return None
        function = outer
    return None


def parameters(function: cst.FunctionDef) -> set[str]:
    """The names of all parameters."""
    params = function.params
    return {p.name.value for p in (*params.posonly_params, *params.params, *params.kwonly_params)}


def bound_in(module: Module, function: cst.FunctionDef) -> set[str]:
    """Every name that has a value of the function's own."""
    return parameters(function) | assigned_in(module, function)


def assigned_in(module: Module, function: cst.FunctionDef) -> set[str]:
    """Every name that the function's body gives a value."""
    found: set[str] = set()
    targets: list[tuple[cst.CSTNode, cst.CSTNode]] = [
        *((node, node.target) for node in module.nodes(cst.AssignTarget)),
        *((node, node.target) for node in module.nodes(cst.AnnAssign)),
        *((node, node.target) for node in module.nodes(cst.NamedExpr)),
        *((node, node.target) for node in module.nodes(cst.For)),
        *((node, node.target) for node in module.nodes(cst.CompFor)),
    ]
    for node, target in targets:
        if module.enclosing(node, cst.FunctionDef) is function:
            found |= names(target)
    return found


def takes_one_more(function: cst.FunctionDef) -> bool:
    """Whether a parameter with a default can be added without touching other callers."""
    params = function.params
    plain = isinstance(params.star_arg, cst.MaybeSentinel) and params.star_kwarg is None
    return not function.decorators and plain and bool(params.params)


def _call(module: Module, site: Site) -> cst.Call | None:
    node = module.at(site)
    if isinstance(node, cst.Await):
        node = node.expression
    return node if isinstance(node, cst.Call) else None


def _passed(function: cst.FunctionDef, call: cst.Call) -> dict[str, str]:
    """The caller's name for each parameter that it fills with one of its own names."""
    params = [p.name.value for p in (*function.params.posonly_params, *function.params.params)]
    found: dict[str, str] = {}
    if params and params[0] in ("self", "cls") and isinstance(call.func, cst.Attribute):
        found[params[0]] = chains.dotted(call.func.value)
        params = params[1:]
    for position, arg in enumerate(call.args):
        if arg.star:
            return {}
        name = arg.keyword.value if arg.keyword else (params[position : position + 1] or [""])[0]
        found[name] = arg.value.value if isinstance(arg.value, cst.Name) else ""
    return found
