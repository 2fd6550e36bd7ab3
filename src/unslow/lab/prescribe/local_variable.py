"""Asks once what a function asks several times, and keeps the answer in a local variable."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._asked import (
    Stack,
    decorators,
    function_at,
    is_generator,
    parting,
    stacks,
)
from unslow.lab.prescribe._lasting import is_changed
from unslow.lab.prescribe._locals import names
from unslow.lab.prescribe._loops import ONE_SHOT, WRITES, loop_of, plural, writes
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source
from unslow.lab.prescribe._uses import is_iterated
from unslow.model import (
    Finding,
    Load,
    Patch,
    Recommendation,
    RepeatedLoad,
    RepeatEvidence,
    TextEdit,
)

DETECTORS = frozenset({"duplicate-query"})
FIXER = "local-variable"
ANSWERS = {  # calls that run a query and give a plain value or a row
    "django": frozenset({"get", "first", "last", "latest", "earliest", "count", "exists"})
    | {"aggregate", "in_bulk", "get_object_or_404", "get_list_or_404"},
    "sqlalchemy": frozenset({"get", "get_one", "scalar", "scalar_one", "scalar_one_or_none"})
    | {"one", "one_or_none", "first", "all", "count"},
}
RAISING = frozenset({"get", "get_one", "one", "scalar_one", "latest", "earliest"}) | {
    "get_object_or_404",
    "get_list_or_404",
}  # where no row is found
PREFIXES = re.compile(r"^(?:a?get|load|fetch|find|read|query|compute|calculate)_")
FUNCTION = re.compile(r"\bselect\(\s*func\.(\w+)\(")
WRITING = frozenset({"add", "create", "delete", "insert", "remove", "save", "update", "write"})
BINDING = (cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.NamedExpr, cst.For, cst.CompFor)


@dataclass(frozen=True)
class Again:
    """Equal expressions of one function; `inner` are the stacks below them."""

    module: Module
    function: cst.FunctionDef
    nodes: tuple[cst.BaseExpression, ...]
    inner: tuple[Stack, ...]


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch where the places that ask are equal expressions of one function."""
    if not isinstance(finding.evidence, RepeatEvidence):
        return
    for position, repeated in enumerate(finding.evidence.loads):
        found = _again(stacks(finding, repeated, source), source)
        edits = _edits(found, repeated, source) if isinstance(found, Again) else found
        if isinstance(edits, str):
            yield Recommendation(FIXER, _advice(finding), edits)
        else:
            name, changes = edits
            yield Patch(FIXER, f"Read it once: {name}", "review", changes, covers=(position,))


def _advice(finding: Finding) -> str:
    cause, symptom = finding.cause, finding.symptom
    again = symptom if symptom != cause else None
    places = [f"{site.path}:{site.line}" for site in (cause, again) if site]
    return f"Read it once and pass it on, for {' and '.join(places)}"


def _again(found: Sequence[Stack], source: Source) -> Again | str:
    """The equal expressions, or why there are none."""
    if len(found) == 1:
        return _repeated(found[0], source)
    _, left = parting(found)
    at = [(stack, function_at(source, stack[-1])) for stack in left]
    functions = {place[1]: place[0] for _, place in at if place}
    if len(functions) != 1 or not all(place for _, place in at):
        return "the places that ask are in different functions"
    ((function, module),) = functions.items()
    pairs = [
        (whole(module, node), stack[:-1])
        for stack, _ in at
        if (node := module.at(stack[-1])) is not None
    ]
    if len({module.text(node) for node, _ in pairs}) != 1:
        return "the places that ask say it in different words"
    return _checked(module, function, dict(pairs), [stack for _, stack in pairs])


def _repeated(stack: Stack, source: Source) -> Again | str:
    """One expression in a loop on which it does not depend; of several the outermost."""
    for depth in reversed(range(len(stack))):
        place = function_at(source, stack[depth])
        node = place[0].at(stack[depth]) if place else None
        if place is None or node is None:
            continue
        node = whole(place[0], node)
        loop = loop_of(place[0], node)
        if loop is not None and not loop.binds(node) and _is_met(place[0], node, loop.node):
            if _raises(node):
                return "it raises where no row is found, and the loop may be empty"
            return _checked(*place, {node: ()}, [stack[:depth]])
    return "one expression asks again, not within a loop of its function"


def _is_met(module: Module, node: cst.CSTNode, loop: cst.CSTNode) -> bool:
    """Whether nothing but the loop itself decides if the node is asked, or what its errors do."""
    inner = node
    for outer in module.ancestors(node):
        if outer is loop:
            return True
        if isinstance(outer, cst.Try | cst.TryStar | cst.With | cst.Lambda):
            return False
        if isinstance(outer, cst.BooleanOperation) and inner is outer.right:
            return False
        if isinstance(outer, cst.If | cst.IfExp) and inner is not outer.test:
            return False
        inner = outer
    return True


def _raises(node: cst.BaseExpression) -> bool:
    return any(chains.function(step) in RAISING for step in chains.chain(_bare(node)))


def _checked(
    module: Module,
    function: cst.FunctionDef,
    nodes: dict[cst.BaseExpression, Stack],
    inner: Sequence[Stack],
) -> Again | str:
    if any(module.enclosing(node, cst.FunctionDef) is not function for node in nodes):
        return "one of the places is in an inner function"
    ordered = tuple(sorted(nodes, key=module.start))
    return Again(module, function, ordered, tuple(inner))


def whole(module: Module, node: cst.BaseExpression) -> cst.BaseExpression:
    """The expression with its `await` and with the calls without arguments that follow."""
    while True:
        around = module.parents.get(node)
        if isinstance(around, cst.Await):
            node = around
            continue
        call = module.parents.get(around) if isinstance(around, cst.Attribute) else None
        if not isinstance(call, cst.Call) or call.args or chains.method(call) not in FOLLOWING:
            return node
        node = call


FOLLOWING = frozenset({"scalars", "mappings", "unique"} | ANSWERS["sqlalchemy"])


def _edits(
    again: Again, repeated: RepeatedLoad, source: Source
) -> tuple[str, tuple[TextEdit, ...]] | str:
    module, first = again.module, again.nodes[0]
    if reason := _refusal(again, repeated.load, source):
        return reason
    loop = loop_of(module, first) if len(again.nodes) == 1 else None
    statement = loop.statement if loop else _statement(module, first)
    if statement is None or not (loop or _is_always_run(module, first, statement)):
        return "the first place may not be reached"
    block = module.parents[statement]
    if any(block not in module.ancestors(node) for node in again.nodes):
        return "the first place may not be reached before the others"
    if _changes(again, statement):
        return "what is asked, or the answer, changes in between"
    held = _holds(module, statement, first)
    if held:
        if _is_changed(again, held):
            return "the answer is changed in between"
        return held, tuple(_instead(module, node, held) for node in again.nodes[1:])
    called = any(again.inner)
    name = _free(again.function, *_telling(first, repeated.load, called))
    if name is None:
        return "there is no free name for the answer"
    start = module.start(statement)
    value = module.text(first)
    if "\n" in value and first.lpar:
        value = module.content[slice(*_outer(module, first))].decode()
    kept = module.insert(start, f"{name} = {value}\n{module.indent(start)}")
    return name, (kept, *(_instead(module, node, name) for node in again.nodes))


def _instead(module: Module, node: cst.BaseExpression, name: str) -> TextEdit:
    start, end = _outer(module, node)
    return TextEdit(module.path, start, end, name)


def _outer(module: Module, node: cst.BaseExpression) -> tuple[int, int]:
    """Where the expression begins and ends with its parentheses."""
    start, end = module.start(node), module.end(node)
    for _ in node.lpar:
        start = module.content.rindex(b"(", 0, start)
        end = module.content.index(b")", end) + 1
    return start, end


def _refusal(again: Again, load: Load | None, source: Source) -> str:
    helpers = [stack[-1] for stack in again.inner if stack]
    if helpers:
        return _of_helpers([function_at(source, site) for site in helpers], again.nodes[0])
    node = _bare(again.nodes[0])
    if load is None:
        return "it is asked by a cursor"
    if isinstance(node, cst.Call) and chains.function(node) in ANSWERS[load.orm]:
        return ""
    steps = {chains.method(step) for step in chains.chain(node)}
    rows = load.orm == "django" and load.kind == "select" and not steps & ONE_SHOT
    if rows and all(is_iterated(again.module, one) for one in again.nodes):
        return ""
    return "how the answer is read is not plain to see"


def _of_helpers(
    places: Sequence[tuple[Module, cst.FunctionDef] | None], node: cst.BaseExpression
) -> str:
    for place in places:
        if place is None or writes(place[1]) or is_generator(place[1], place[0]):
            return "the function that asks does more than ask"
        if "contextmanager" in "".join(decorators(place[1])):
            return "the function that asks does more than ask"
    properties = all("property" in "".join(decorators(place[1])) for place in places if place)
    asks = isinstance(_bare(node), cst.Call) or (properties and bool(chains.dotted(node)))
    return "" if asks else "it is not asked by a call"


def _bare(node: cst.BaseExpression) -> cst.BaseExpression:
    return node.expression if isinstance(node, cst.Await) else node


def _statement(module: Module, node: cst.CSTNode) -> cst.CSTNode | None:
    """The statement of a block that `node` stands in."""
    inner = node
    for outer in module.ancestors(node):
        if isinstance(outer, cst.IndentedBlock):
            return inner
        inner = outer
    return None


def _is_always_run(module: Module, node: cst.CSTNode, statement: cst.CSTNode) -> bool:
    """Whether the statement evaluates `node` exactly once, whenever it runs."""
    inner = node
    for outer in module.ancestors(node):
        if isinstance(outer, cst.BooleanOperation) and inner is outer.right:
            return False
        if isinstance(outer, cst.IfExp) and inner is not outer.test:
            return False
        if isinstance(outer, cst.CompFor) and inner is not outer.iter:
            return False
        if isinstance(outer, cst.BaseComp) and inner is not outer.for_in:
            return False
        if isinstance(outer, cst.Lambda):
            return False
        if isinstance(outer, cst.If | cst.For | cst.With | cst.While | cst.Try | cst.Match):
            header = (getattr(outer, "test", None), getattr(outer, "iter", None))
            return outer is statement and not isinstance(outer, cst.While) and inner in header
        if outer is statement:
            return True
        inner = outer
    return False


def _changes(again: Again, statement: cst.CSTNode) -> bool:
    """Whether a name in the question is bound again, written through, or rows are written."""
    module, begin = again.module, again.module.start(statement)
    loop = loop_of(module, again.nodes[0]) if len(again.nodes) == 1 else None
    last = loop.statement if loop is not None else again.nodes[-1]
    stop = module.end(last)
    asked = names(again.nodes[0])
    if asked & _declared(again):
        return True
    return any(
        _is_bound(node, asked) or _may_write(node) or isinstance(node, cst.Yield)
        for node in _inside(module, again.function)
        if begin <= module.start(node) < stop
    )


def _declared(again: Again) -> set[str]:
    """The names that the function shares with others by `global` or `nonlocal`."""
    return {
        item.name.value
        for node in _inside(again.module, again.function)
        if isinstance(node, cst.Global | cst.Nonlocal)
        for item in node.names
    }


def _may_write(node: cst.CSTNode) -> bool:
    """Whether it writes rows, says so by its name, or begins a transaction."""
    if isinstance(node, cst.WithItem):
        return chains.function(node.item) in ("atomic", "begin", "begin_nested")
    if not isinstance(node, cst.Call):
        return False
    if chains.method(node) in WRITES:
        return True
    name = chains.dotted(node.func)
    if name.rpartition(".")[2] == "execute":
        return "cursor" in name
    return isinstance(node.func, cst.Name) and bool(WRITING & set(name.split("_")))


def _is_bound(node: cst.CSTNode, asked: set[str]) -> bool:
    if isinstance(node, BINDING):
        return bool(names(node.target) & asked)
    return isinstance(node, cst.AsName) and bool(names(node.name) & asked)


def _inside(module: Module, function: cst.FunctionDef) -> Iterator[cst.CSTNode]:
    begin, end = module.start(function), module.end(function)
    return (node for node in module.spans if begin <= module.start(node) < end)


def _holds(module: Module, statement: cst.CSTNode, first: cst.BaseExpression) -> str:
    """The name to which the statement assigns the first answer, or ""."""
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return ""
    small = statement.body[0]
    if not isinstance(small, cst.Assign) or small.value is not first or len(small.targets) != 1:
        return ""
    target = small.targets[0].target
    return target.value if isinstance(target, cst.Name) else ""


def _is_changed(again: Again, name: str) -> bool:
    """Whether the name is bound more than once, or something of it is assigned."""
    if is_changed(again.module, name, again.function):
        return True
    bound = 0
    for node in _inside(again.module, again.function):
        if isinstance(node, BINDING):
            bound += name in names(node.target) and isinstance(node.target, cst.Name | cst.Tuple)
            if isinstance(node.target, cst.Attribute | cst.Subscript):
                *_, root = chains.chain(node.target)
                if chains.dotted(root) == name:
                    return True
    return bound > 1


def _telling(node: cst.BaseExpression, load: Load | None, called: bool) -> tuple[str, ...]:
    """Names that say what is asked, the best first."""
    call = _bare(node)
    method = call.attr.value if isinstance(call, cst.Attribute) else chains.function(call)
    model = load.model.rpartition(".")[2] if load else ""
    one = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", model).lower()
    if method in ("count", "exists", "aggregate") and not called:
        many = plural(model or "row")
        named = {"count": f"{many}_count", "exists": f"has_{many}", "aggregate": f"{many}_totals"}
        return named[method], f"{many}_{method}_result", "answer"
    if called or not model:
        own = PREFIXES.sub("", method)
        is_telling = own != method or isinstance(call, cst.Attribute)
        return (own if is_telling else "", f"{own}_found", "answer")
    if computed := FUNCTION.search(cst.Module([]).code_for_node(node)):
        return f"{plural(model)}_{computed[1]}", "answer"
    several = load is not None and load.kind == "select" and method not in ("scalar", "first")
    return (plural(model) if several else one, f"found_{one}", "answer")


def _free(function: cst.FunctionDef, *wanted: str) -> str | None:
    used = names(function) | set(keyword.kwlist) | set(dir(builtins))
    return next((one for one in wanted if one.isidentifier() and one not in used), None)
