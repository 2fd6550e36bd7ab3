"""Finds the SQLAlchemy statement (or `session.get`) that made the rows, and adds options to it."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._locals import assigned
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._relations import Need
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Origin, Site, TextEdit

STARTS = frozenset({"select", "query"})
CHAINABLE = frozenset(
    """
    where filter filter_by order_by limit offset join outerjoin options distinct group_by having
    select_from execution_options with_for_update with_only_columns add_columns slice params
    join_from outerjoin_from correlate prefix_with populate_existing yield_per reset_joinpoint
    """.split()  # noqa: SIM905
)
TERMINAL = frozenset(
    """
    all first one one_or_none scalar scalars get count exists paginate first_or_404 one_or_404
    get_or_404
    """.split()  # noqa: SIM905
)
EXECUTIONS = frozenset(
    {"execute", "scalars", "scalar", "stream", "stream_scalars", "paginate", "first_or_404"}
)
GETS = frozenset({"get", "get_one", "get_or_404"})
UNFIT = frozenset({"union", "union_all", "intersect", "except_", "subquery", "cte", "exists"})


@dataclass(frozen=True)
class Statement:
    """A chain from `select()` or `query()` to extend by `.options()`, or a `session.get` call."""

    module: Module
    node: cst.BaseExpression

    @property
    def whole(self) -> cst.BaseExpression:
        """The whole chain that the statement is the beginning of."""
        node: cst.BaseExpression = self.node
        for parent in self.module.ancestors(node):
            follows = isinstance(parent, cst.Attribute | cst.Call) and (
                parent.value is node if isinstance(parent, cst.Attribute) else parent.func is node
            )
            if not follows or not isinstance(parent, cst.BaseExpression):
                break
            node = parent
        return node

    @property
    def is_get(self) -> bool:
        return isinstance(self.node, cst.Call) and is_get(self.node)

    @property
    def offset(self) -> int | None:
        inside = self.module.enclosing(self.node, cst.FunctionDef) is not None
        return None if inside else self.module.start(self.node)

    def steps(self) -> set[str]:
        return {chains.method(step) for step in chains.chain(self.whole)}

    def options(self) -> list[cst.BaseExpression]:
        """The loader options that the statement has."""
        if self.is_get:
            value = self._get_options()
            elements = value.elements if isinstance(value, cst.List | cst.Tuple) else ()
            return [element.value for element in elements]
        calls = [s for s in chains.chain(self.whole) if chains.method(s) == "options"]
        return [arg.value for call in calls if isinstance(call, cst.Call) for arg in call.args]

    def add(self, options: Sequence[str]) -> list[TextEdit] | None:
        """Add loader options; None where the source does not show how."""
        if not self.is_get:
            call = chains.call_in(self.whole, "options")
            if call is None or not call.args:
                return [chains.add_call(self.module, self.node, "options", options)]
            return [chains.add_argument(self.module, call, text) for text in options]
        assert isinstance(self.node, cst.Call)
        value = self._get_options()
        if value is None:
            text = f"options=[{', '.join(options)}]"
            return [chains.add_argument(self.module, self.node, text)]
        if isinstance(value, cst.List) and value.elements:
            end = self.module.end(value.elements[-1].value)
            return [self.module.insert(end, f", {text}") for text in options]
        return None

    def _get_options(self) -> cst.BaseExpression | None:
        assert isinstance(self.node, cst.Call)
        named = (a for a in self.node.args if a.keyword and a.keyword.value == "options")
        return next((arg.value for arg in named), None)

    def entity(self, name: str) -> str:
        """How the statement writes the class `name` (`Order`, `models.Order`), or ""."""
        for step in chains.chain(self.node):
            for arg in step.args if isinstance(step, cst.Call) else ():
                text = chains.dotted(arg.value)
                if text.rpartition(".")[2] == name:
                    return text
            if isinstance(step, cst.Attribute) and step.attr.value == "query":
                text = chains.dotted(step.value)
                if text.rpartition(".")[2] == name:
                    return text
        return ""


def statements(
    finding: Finding, wanted: Iterable[Need], source: Source
) -> Iterator[tuple[Statement | None, list[Need]]]:
    """The loads by the statement whose options cure them; None where the source has none."""
    groups: dict[Hashable, tuple[Statement | None, list[Need]]] = {}
    for need in wanted:
        found = statement(finding, need.origin, source)
        key = (found.module.path, found.module.end(found.node)) if found else need.origin.id
        groups.setdefault((key, need.origin.model), (found, []))[1].append(need)
    yield from groups.values()


def statement(finding: Finding, origin: Origin, source: Source) -> Statement | None:
    """The statement at the finding's cause, else at the last link that shows one."""
    for site in _sites(finding, origin):
        module = source.module(site.path)
        node = module.at(site) if module else None
        found = _statement(module, node) if module and node else None
        if found is not None and _is_of(found, origin, source):
            return found
    return None


def _is_of(place: Statement, origin: Origin, source: Source) -> bool:
    """Whether the statement may select the origin's model: it names it, or names no other."""
    if place.entity(origin.model.rpartition(".")[2]):
        return True
    others = {model.name for model in source.models if model.orm == "sqlalchemy"}
    return not any(place.entity(name) for name in others)


def is_get(node: cst.Call) -> bool:
    """`session.get(Order, 1)`, not `mapping.get(key, default)`: a class comes first."""
    if chains.method(node) not in GETS or len(node.args) < 2:
        return False
    name = chains.dotted(node.args[0].value).rpartition(".")[2]
    return name[:1].isupper()


def _sites(finding: Finding, origin: Origin) -> Iterator[Site]:
    if finding.cause:
        yield finding.cause
    for direct in (True, False):
        for link in reversed(origin.links):
            if link.stack and link.direct is direct:
                yield link.stack[0]


def _statement(module: Module, node: cst.BaseExpression, depth: int = 0) -> Statement | None:
    if isinstance(node, cst.Await):
        node = node.expression
    if isinstance(node, cst.Name) and depth < 3:
        value = assigned(module, node)
        return _statement(module, value, depth + 1) if value else None
    if not isinstance(node, cst.Call):
        return None
    name = chains.function(node)
    before = chains.receiver(node)
    if is_get(node):
        return Statement(module, node)
    if name in STARTS or name in CHAINABLE:
        return Statement(module, node)
    if name in EXECUTIONS and node.args and (inner := _argument(module, node, depth)):
        return inner
    if before is not None and (name in TERMINAL or name in EXECUTIONS):
        if _is_start(before):
            return Statement(module, before)
        return _statement(module, before, depth + 1)
    return None


def _argument(module: Module, node: cst.Call, depth: int) -> Statement | None:
    return _statement(module, node.args[0].value, depth + 1)


def _is_start(node: cst.BaseExpression) -> bool:
    """`Order.query` of Flask-SQLAlchemy."""
    return isinstance(node, cst.Attribute) and node.attr.value == "query"
