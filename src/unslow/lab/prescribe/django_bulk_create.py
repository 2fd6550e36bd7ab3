"""Inserts after the loop, in one statement, the rows that a loop creates one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._layout import LINE_LENGTH
from unslow.lab.prescribe._loops import plural, singular
from unslow.lab.prescribe._managers import has_plain_manager
from unslow.lab.prescribe._row_writes import (
    ELSEWHERE,
    REREADS,
    RowWrite,
    after,
    argument_text,
    before,
    has_lines,
    loop_refusal,
    model_refusal,
    plain_objects,
    row_write,
    shares,
    within,
    written,
)
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Model, Patch, Recommendation, Site, TextEdit

DETECTORS = frozenset({"row-by-row-write"})
FIXER = "django-bulk-create"
PASSED_BY = ("save", "save_base", "pre_save", "post_save")

UNPLAIN = "how each row is created is not plain to see"
USED = "the loop uses what the database gives a created row"
SHARED = "all rows are given one object, which each round changes"
UNNAMED = "there is no free name for the rows"


@dataclass(frozen=True)
class Made:
    """A row that is created: the name that holds it, and the text that makes it where it is
    written. `given` are the attributes that it is given by name, `values` what it is given.
    """

    name: str
    values: tuple[cst.BaseExpression, ...]
    text: str = ""
    given: frozenset[str] = frozenset()


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for the expression that creates a row in each round."""
    found = written(finding, source, "django", "insert")
    if found is None:
        return
    evidence, model = found
    advice: Patch | str = model_refusal(model, *PASSED_BY) or _manager_refusal(model, source)
    if not advice:
        listed = _listed(evidence.stack[0], model, source)
        write = row_write(evidence.stack[0], model, source)
        if listed is not None:
            advice = listed
        elif write is None:
            advice = ELSEWHERE
        else:
            advice = loop_refusal(write, evidence) or _advice(write, source)
    yield advice if isinstance(advice, Patch) else _recommendation(model, advice)


def _manager_refusal(model: Model, source: Source) -> str:
    plain = has_plain_manager(model, source)
    return "" if plain else f"{model.name} has a manager of its own, which may create rows its way"


def _advice(write: RowWrite, source: Source) -> Patch | str:
    """The patch, or the reason why there is none."""
    imports = Imports(write.module)
    made = _saved(write) or _created(write, source, imports)
    if isinstance(made, str):
        return made
    rows = write.free_name(plural(write.model.name), "created", "new_rows")
    if rows is None:
        return UNNAMED
    if any(not _is_harmless(write, node, made) for node in write.reads(made.name)):
        return USED
    if shares(write, made.values):
        return SHARED
    if _asks(write):
        return REREADS
    manager = imports.name(write.model.module, write.model.name)
    if manager is None:
        return UNNAMED
    bulk = f"{write.prefix}{manager}.objects.{'a' * write.awaited}bulk_create({rows})"
    edits = [
        before(write.module, write.loop, f"{rows} = []"),
        _kept(write, rows, made),
        after(write.module, write.loop, bulk),
        *imports.edits(),
    ]
    return _patch(write.model, edits)


def _saved(write: RowWrite) -> Made | None:
    """`row = Model(...)` and `row.save()` in the same round."""
    owner = chains.receiver(write.call)
    if chains.method(write.call) not in ("save", "asave") or write.call.args:
        return None
    if not isinstance(owner, cst.Name) or not write.is_statement():
        return None
    values = [
        node.value
        for node in write.module.nodes(cst.Assign)
        if _is_in(write, node) and [chains.dotted(t.target) for t in node.targets] == [owner.value]
    ]
    key = {"pk"} | {field.name for field in write.model.fields if field.primary_key}
    fitting = (
        len(values) == 1
        and isinstance(values[0], cst.Call)
        and chains.function(values[0]) == write.model.name
        and all(arg.keyword and arg.keyword.value not in key for arg in values[0].args)
    )
    if not fitting or not _is_new(write, values[0]):
        return None
    return Made(owner.value, _values(values[0]))


def _is_new(write: RowWrite, made: cst.BaseExpression) -> bool:
    """Whether each save is of a row that was made in the same round, on the way to the save."""
    module = write.module
    block = next((o for o in module.ancestors(made) if isinstance(o, cst.BaseSuite)), None)
    inner = module.enclosing(made, cst.For) is module.enclosing(write.node, cst.For)
    return inner and any(outer is block for outer in module.ancestors(write.node))


def _values(call: cst.BaseExpression) -> tuple[cst.BaseExpression, ...]:
    return tuple(arg.value for arg in call.args) if isinstance(call, cst.Call) else ()


def _asks(write: RowWrite) -> bool:
    """Whether the loop asks the same table for what it has so far."""
    return any(
        isinstance(node, cst.Attribute)
        and chains.dotted(node) == f"{write.model.name}.objects"
        and not any(outer is write.call.func for outer in write.module.ancestors(node))
        for node in within(write.loop)
    )


def _created(write: RowWrite, source: Source, imports: Imports) -> Made | str:
    """`Model.objects.create(...)`, also where a name keeps the row."""
    call = write.call
    head = _constructor(write, source, imports)
    if chains.method(call) not in ("create", "acreate") or head is None:
        return UNPLAIN
    text = f"{head}{argument_text(write.module, call)})"
    given = frozenset(arg.keyword.value for arg in call.args if arg.keyword)
    if not has_lines(write) and (not write.is_statement() or "\n" in text):
        return UNPLAIN
    if write.is_statement():
        return Made("", _values(call), text, given)
    parent = write.module.parents[write.node]
    statement = write.module.parents[parent] if isinstance(parent, cst.AssignTarget) else parent
    if isinstance(statement, cst.Assign) and len(statement.targets) == 1:
        target = statement.targets[0].target
        if isinstance(target, cst.Name):
            return Made(target.value, _values(call), text, given)
    return USED


def _constructor(write: RowWrite, source: Source, imports: Imports) -> str | None:
    """`Model(` for `Model.objects.create(`, `Item(order=order, ` for `order.items.create(`."""
    if plain_objects(write.call, write.model):
        owner = chains.receiver(chains.receiver(write.call) or write.call)
        return f"{chains.dotted(owner)}(" if owner is not None else None
    manager = chains.receiver(write.call)
    if not isinstance(manager, cst.Attribute):
        return None
    columns = {
        relation.remote_column
        for model in source.models
        for relation in model.relations
        if relation.kind == "reverse"
        and relation.name == manager.attr.value
        and relation.model == write.model.label
    }
    keys = [r.name for r in write.model.relations if r.kind == "forward" and r.column in columns]
    name = imports.name(write.model.module, write.model.name)
    owner = manager.value
    if len(keys) != 1 or name is None or not chains.dotted(owner):
        return None
    more = ", " if write.call.args else ""
    return f"{name}({keys[0]}={chains.dotted(owner)}{more}"


def _kept(write: RowWrite, rows: str, made: Made) -> TextEdit:
    """What keeps the row for later where it was written."""
    module = write.module
    if not made.text:
        return module.replace(write.node, f"{rows}.append({made.name})")
    indent = module.indent(module.start(write.node))
    short = f"{rows}.append({made.text})"
    fits = len(indent) + len(short) <= LINE_LENGTH or not has_lines(write)
    if not made.name and "\n" not in made.text and fits:
        return module.replace(write.node, short)
    one = singular(write.model.name)
    name = made.name or write.free_name(one, f"new_{one}") or rows
    start = "" if made.name else f"{name} = "
    return module.replace(write.node, f"{start}{made.text}\n{indent}{rows}.append({name})")


def _is_harmless(write: RowWrite, node: cst.Name, made: Made) -> bool:
    """Whether the row serves here without being written: in a list, or for what it was given."""
    module = write.module
    parent = module.parents[node]
    if isinstance(parent, cst.Attribute):
        outer = module.parents[parent]
        early = module.start(node) < module.start(write.node)
        if outer is write.call or (early and not made.text):
            return True
        assigned = isinstance(outer, cst.AssignTarget | cst.AugAssign)
        return parent.attr.value in made.given and not assigned
    call = module.parents[parent] if isinstance(parent, cst.Arg) else None
    return call is not None and chains.method(call) == "append"


def _is_in(write: RowWrite, node: cst.CSTNode) -> bool:
    return any(outer is write.loop for outer in write.module.ancestors(node))


def _listed(site: Site, model: Model, source: Source) -> Patch | None:
    """`[Model.objects.create(...) for ...]`: the list goes to `bulk_create` as a whole."""
    module = source.module(site.path)
    node = module.at(site) if module else None
    listed = module.parents.get(node) if module and node else None
    fitting = (
        module is not None
        and isinstance(node, cst.Call)
        and isinstance(listed, cst.ListComp)
        and listed.elt is node
        and chains.method(node) == "create"
        and plain_objects(node, model)
    )
    if not fitting or module is None or not isinstance(node, cst.Call) or listed is None:
        return None
    manager = chains.receiver(node)
    assert isinstance(manager, cst.Attribute)
    head = f"{module.text(manager.value)}({argument_text(module, node)})"
    start = module.start(listed)
    return _patch(
        model,
        [
            module.insert(start, f"{module.text(manager)}.bulk_create("),
            module.replace(node, head),
            module.insert(module.end(listed), ")"),
        ],
    )


def _patch(model: Model, edits: list[TextEdit]) -> Patch:
    summary = f"Insert all rows of {model.name} at once: bulk_create"
    return Patch(FIXER, summary, "review", tuple(edits))


def _recommendation(model: Model, reason: str) -> Recommendation:
    summary = f"Collect the rows and insert them at once: {model.name}.objects.bulk_create(rows)"
    return Recommendation(FIXER, summary, reason)
