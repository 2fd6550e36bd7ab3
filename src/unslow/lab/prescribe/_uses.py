"""The expressions that set off a load per row, and what is read there instead."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._layout import LINE_LENGTH
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source
from unslow.model import Site, TextEdit

FREE = cst.Return | cst.Assign | cst.AnnAssign | cst.Arg | cst.DictElement | cst.Element
CONSUMERS = frozenset(
    {"list", "tuple", "set", "sorted", "sum", "len", "any", "all", "min", "max", "enumerate"}
)
NULLABLE = frozenset({"Sum", "Avg", "Max", "Min", "StdDev", "Variance"})
NARROWING = frozenset({"all", "filter", "exclude", "only", "order_by", "select_related"})


@dataclass(frozen=True)
class Use:
    """`owner.relation.filter(...).count()`: its parts, `steps` being the calls in between.

    `rewritten` tells that it already stands behind a test for an annotation, `direct` that the
    owner can only come from the queryset in question, so that no test is needed.
    """

    module: Module
    node: cst.BaseExpression
    owner: str
    steps: tuple[cst.Call, ...]
    rewritten: bool = False
    direct: bool = False


def use_at(source: Source, site: Site, relation: str, kind: str) -> Use | None:
    """The use of `relation` at `site` that ends in `.count()` or `.exists()`."""
    module = source.module(site.path)
    node = module.at(site) if module else None
    if module is None or not isinstance(node, cst.Call):
        return None
    if chains.method(node) != kind or node.args:
        return None
    return _use(module, node, chains.receiver(node), relation)


def aggregate_at(source: Source, site: Site, relation: str) -> Use | None:
    """The use of `relation` at `site` that ends in `.aggregate(total=Sum("price"))["total"]`."""
    module = source.module(site.path)
    node = module.at(site) if module else None
    found = aggregated(module, node) if module and node else None
    if module is None or found is None:
        return None
    return _use(module, found.node, chains.receiver(found.call), relation)


@dataclass(frozen=True)
class Aggregated:
    """`.aggregate(total=Sum("price"))["total"]`: the whole, its call, `Sum` and `price`."""

    node: cst.Subscript
    call: cst.Call
    function: str
    column: str


def aggregated(module: Module, call: cst.CSTNode) -> Aggregated | None:
    """The one value that `call` computes and that is read at once; it is NULL without rows."""
    node = module.parents.get(call)
    if not isinstance(call, cst.Call) or chains.method(call) != "aggregate" or len(call.args) != 1:
        return None
    value = call.args[0].value
    function = chains.function(value)
    if not isinstance(value, cst.Call) or function not in NULLABLE or len(value.args) != 1:
        return None
    column = chains.string(value.args[0].value)
    if column is None or value.args[0].keyword or value.args[0].star:
        return None
    keyword = call.args[0].keyword
    name = keyword.value if keyword else f"{column}__{function.lower()}"
    if not isinstance(node, cst.Subscript) or node.value is not call or len(node.slice) != 1:
        return None
    index = node.slice[0].slice
    if not isinstance(index, cst.Index) or chains.string(index.value) != name:
        return None
    return Aggregated(node, call, function, column)


def rows_at(source: Source, site: Site, relation: str) -> Use | None:
    """The rows of `relation` that the expression at `site` reads to the end, one after another."""
    module = source.module(site.path)
    node = module.at(site) if module else None
    if module is None or node is None:
        return None
    use = _use(module, node, node, relation)
    return use if use and (use.rewritten or is_iterated(module, node)) else None


def instead(use: Use, value: str, attribute: str) -> list[TextEdit] | None:
    """Read `value` where the instance has `attribute`, else what is read now."""
    module, node = use.module, use.node
    if use.direct:
        return [module.replace(node, value)]
    if any(isinstance(around, cst.Await) for around in module.ancestors(node)):
        return None
    return prefer(module, node, value, f'hasattr({use.owner}, "{attribute}")')


def prefer(
    module: Module, node: cst.BaseExpression, value: str, condition: str
) -> list[TextEdit] | None:
    """Read `value` where `condition` holds, else what `node` is; None inside an f-string."""
    if any(isinstance(n, cst.FormattedString) for n in module.ancestors(node)):
        return None
    test = f"if {condition}"
    start, end, closing = module.start(node), module.end(node), ")"
    opening = f"{value} {test} else "
    free = bool(node.lpar) or isinstance(module.parents[node], FREE)
    if module.line_length(node) + len(opening) + 2 * (not free) > LINE_LENGTH:
        indent = module.indent(start)
        deeper = f"\n{indent}    "
        opening = f"({deeper}{value}{deeper}{test}{deeper}else "
        closing = f"\n{indent})"
    elif free:
        return [module.insert(start, opening)]
    else:
        opening = f"({opening}"
    return [module.insert(start, opening), module.insert(end, closing)]


def is_iterated(module: Module, node: cst.BaseExpression) -> bool:
    """Whether a list serves as well as the queryset: it is looped over, and nothing else."""
    around = module.parents.get(node)
    if isinstance(around, cst.For | cst.CompFor):
        return around.iter is node
    if isinstance(around, cst.Assign) and isinstance(around.targets[0].target, cst.Name):
        return _is_only_iterated(module, around.targets[0].target)
    call = module.parents.get(around) if isinstance(around, cst.Arg) else None
    if not isinstance(call, cst.Call) or call.args[0] is not around:
        return False
    many = any(a.keyword and a.keyword.value == "many" for a in call.args)
    return many or (isinstance(call.func, cst.Name) and call.func.value in CONSUMERS)


def _is_only_iterated(module: Module, name: cst.Name) -> bool:
    """Whether each reading of a local name loops over it."""
    function = module.enclosing(name, cst.FunctionDef)
    if function is None:
        return False
    others = [
        node
        for node in module.nodes(cst.Name)
        if node.value == name.value
        and node is not name
        and function in module.ancestors(node)
        and not isinstance(module.parents[node], cst.Attribute)
    ]
    return bool(others) and all(
        not isinstance(module.parents[node], cst.AssignTarget) and is_iterated(module, node)
        for node in others
    )


def _use(
    module: Module, node: cst.BaseExpression, end: cst.BaseExpression | None, relation: str
) -> Use | None:
    steps: list[cst.Call] = []
    for step in chains.chain(end) if end is not None else ():
        if isinstance(step, cst.Attribute) and step.attr.value == relation:
            owner = chains.dotted(step.value)
            guard = _guard(module, node, owner)
            return Use(module, node, owner, tuple(reversed(steps)), guard) if owner else None
        if isinstance(step, cst.Call) and chains.method(step) in NARROWING:
            steps.append(step)
        elif not isinstance(step, cst.Attribute) or step.attr.value not in NARROWING:
            return None
    return None


def _guard(module: Module, node: cst.BaseExpression, owner: str) -> bool:
    """Whether the node is what `x if hasattr(owner, ...) else node` falls back to."""
    around = module.parents.get(node)
    if not isinstance(around, cst.IfExp) or not isinstance(around.test, cst.Call):
        return False
    call = around.test
    return chains.function(call) == "hasattr" and chains.dotted(call.args[0].value) == owner
