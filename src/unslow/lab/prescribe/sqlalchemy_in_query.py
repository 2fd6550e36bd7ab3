"""Asks once for what a loop asks row by row: one IN query, or a GROUP BY, before the loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._layout import LINE_LENGTH
from unslow.lab.prescribe._locals import assigned, names
from unslow.lab.prescribe._loops import Loop, is_undisturbed, loop_of, plural
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._reads import Read, Selected, read_at, selected
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Model, Patch, Recommendation, RepeatEvidence, Site, TextEdit

DETECTORS = frozenset({"repeated-query", "duplicate-query"})
FIXER = "sqlalchemy-in-query"
KINDS = frozenset({"get", "select", "count", "exists"})
RESULTS = frozenset({"scalars", "execute", "query"})


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for each statement that a loop runs for each of its rows."""
    if not isinstance(finding.evidence, RepeatEvidence):
        return
    for position, repeated in enumerate(finding.evidence.loads):
        load = repeated.load
        if load is None or load.orm != "sqlalchemy" or load.relation or load.kind not in KINDS:
            continue
        sites = [*repeated.uses, *([finding.cause] if finding.cause else [])]
        written = _first([_patch(site, position, source) for site in sites])
        if isinstance(written, Patch):
            yield written
        elif written:
            name = load.model.rpartition(".")[2] or "the table"
            summary = f"Read the rows of {name} together: one query with .in_(keys)"
            yield Recommendation(FIXER, summary, written)


def _first(advice: list[Patch | str]) -> Patch | str:
    patch = next((one for one in advice if isinstance(one, Patch)), None)
    return patch or next(iter(advice), "")


def _patch(site: Site, position: int, source: Source) -> Patch | str:
    """The patch, or the reason why there is none."""
    module = source.module(site.path)
    node = module.at(site) if module else None
    read = read_at(module, node) if module and node else None
    if module is None or read is None:
        return "how the result is read is not plain to see"
    loop = loop_of(module, read.node)
    if loop is None:
        return "the loop that asks for each row is in another function"
    if not is_undisturbed(loop, read.node) or names(read.call.func) & loop.bound():
        return "the loop writes, or handles errors"
    rows = _Rows.of(loop, source)
    if rows is None:
        return "the rows that the loop runs over may be gone after reading them once"
    query = _Query.of(read, loop, rows.name, source)
    edits = query.edits(rows) if query else None
    if query is None or edits is None:
        return "the statement depends on the row by more than a key"
    summary = f"Ask once before the loop: {query.column} IN (...)"
    return Patch(FIXER, summary, "review", tuple(edits), covers=(position,))


@dataclass(frozen=True)
class _Rows:
    """The list that the loop runs over: its name, and what makes it a list."""

    name: str
    opening: str = ""
    closing: str = ""
    edits: tuple[TextEdit, ...] = ()

    @classmethod
    def of(cls, loop: Loop, source: Source) -> _Rows | None:
        name = loop.rows_name()
        if name is None:
            return None
        if _is_collection(loop.iterable, source):
            return cls(name, "list(", ")")
        if not isinstance(loop.iterable, cst.Name):
            wrapped = _wrapping(loop.iterable)
            return cls(name, *wrapped) if wrapped else None
        value = assigned(loop.module, loop.iterable)
        wrapped = _wrapping(value) if value else None
        if value is None or wrapped is None:
            return None
        if wrapped == ("", ""):
            return cls(name)
        if not _is_read_once(loop, loop.iterable):
            return None
        opening, closing = wrapped
        start, end = loop.module.start(value), loop.module.end(value)
        edits = [loop.module.insert(start, opening)] if opening else []
        return cls(name, edits=(*edits, loop.module.insert(end, closing)))


def _wrapping(value: cst.BaseExpression) -> tuple[str, str] | None:
    """What goes around a result to make a list of it; None for what is no result."""
    awaited = isinstance(value, cst.Await)
    call = value.expression if isinstance(value, cst.Await) else value
    if isinstance(call, cst.List | cst.Tuple | cst.ListComp):
        return "", ""
    name = chains.function(call)
    methods = {chains.method(step) for step in chains.chain(call)}
    if name in ("list", "sorted", "tuple") or (name == "all" and methods & RESULTS):
        return "", ""
    if name in ("scalars", "execute") or (name == "unique" and methods & RESULTS):
        return ("(", ").all()") if awaited else ("", ".all()")
    return None


def _is_collection(node: cst.BaseExpression, source: Source) -> bool:
    """`order.items` and `await order.awaitable_attrs.items`: a list that a relationship holds."""
    value = node.expression if isinstance(node, cst.Await) else node
    if not isinstance(value, cst.Attribute):
        return False
    holders = [m for m in source.models if m.orm == "sqlalchemy"]
    named = [r for m in holders for r in m.relations if r.name == value.attr.value]
    return bool(named) and all(
        r.kind in ("reverse", "many-to-many") and r.strategy not in ("dynamic", "write_only")
        for r in named
    )


def _is_read_once(loop: Loop, name: cst.Name) -> bool:
    """Whether the loop alone reads the result."""
    function = loop.function
    others = [
        node
        for node in loop.module.nodes(cst.Name)
        if node.value == name.value
        and node is not name
        and function in loop.module.ancestors(node)
        and not isinstance(loop.module.parents[node], cst.AssignTarget)
        and not (
            isinstance(parent := loop.module.parents[node], cst.Attribute) and parent.attr is node
        )
    ]
    return not others


@dataclass(frozen=True)
class _Query:
    """The query for all rows, and how one row's part is read from its result."""

    read: Read
    loop: Loop
    column: str
    key: str
    columns: tuple[str, ...]
    rest: tuple[str, ...]
    kind: str
    found: str
    keys: str
    rows: str

    @classmethod
    def of(cls, read: Read, loop: Loop, rows: str, source: Source) -> _Query | None:
        parts = _parts(read, loop)
        model = _model(parts.column if parts else _entity(read), source)
        if model is None:
            return None
        if parts is None:
            return cls._of_get(read, loop, rows, model, source)
        unique = _is_unique(parts.column, model)
        if parts.kind == "value" and (read.mode == "rows") == unique:
            return None
        if read.mode in ("required", "row") and not _is_certain(parts, parts.key, model, source):
            return None
        key, keys = loop.module.text(parts.key), _keys_name(loop, parts.key)
        found = _name(loop, parts, model)
        if found is None or keys is None:
            return None
        rest = _rest(loop.module, parts, f"{parts.column}.in_({keys})")
        kind = parts.kind if parts.kind != "value" else read.mode
        return cls(read, loop, parts.column, key, parts.columns, rest, kind, found, keys, rows)

    @classmethod
    def _of_get(
        cls, read: Read, loop: Loop, rows: str, model: Model, source: Source
    ) -> _Query | None:
        key = read.call.args[1].value
        primary = [field.name for field in model.fields if field.primary_key]
        *_, root = chains.chain(key)
        if len(read.call.args) != 2 or len(primary) != 1 or not names(root) & loop.bound():
            return None
        if any(isinstance(step, cst.Call) for step in chains.chain(key)):
            return None
        if read.mode == "required" and not _is_certain(None, key, model, source):
            return None
        entity, text = _entity(read), loop.module.text(key)
        column = f"{entity}.{primary[0]}"
        keys = _keys_name(loop, key)
        found = loop.free_name(plural(model.name), f"{plural(model.name)}_by_key")
        if found is None or keys is None:
            return None
        rest = (f".where({column}.in_({keys}))",)
        return cls(read, loop, column, text, (entity,), rest, read.mode, found, keys, rows)

    def edits(self, rows: _Rows) -> list[TextEdit] | None:
        module = self.loop.module
        imports = Imports(module, None)
        text = self._text(imports)
        if text is None or rows.name == self.found:
            return None
        wrapped = (rows.opening, rows.closing)
        return [
            *self.loop.before(text, rows.name, *wrapped),
            *rows.edits,
            *imports.edits(),
            module.replace(self.read.node, self._value()),
            *(module.replace(node, name) for node, name in self.read.later),
        ]

    def _text(self, imports: Imports) -> str | None:
        """The statements that read all rows."""
        select = imports.name("sqlalchemy", "select")
        statement = self.loop.free_name("statement", "all_rows_statement")
        if select is None or statement is None:
            return None
        columns = [self.column, *(self.columns if self.kind != "exists" else ())]
        group = [f".group_by({self.column})"] if self.kind == "count" else []
        built = [f"{select}({', '.join(columns)})", *self.rest, *group]
        collected = self._collected(statement, imports)
        if collected is None:
            return None
        keys = f"{self.keys} = [{self.key} for {self.loop.target} in {self.rows}]"
        module = self.loop.module
        indent = module.indent(module.start(self.loop.statement))
        chain = _on_lines(built, len(f"{indent}{statement} = "))
        return "\n".join((keys, f"{statement} = {chain}", collected))

    def _collected(self, statement: str, imports: Imports) -> str | None:
        """What makes a dictionary (or a set) of the rows."""
        await_ = "await " * self.read.awaited
        ran = f"{await_}{self.read.session}.execute({statement})"
        if self.kind == "exists":
            return f"{self.found} = set({await_}{self.read.session}.scalars({statement}))"
        if self.kind == "row":
            return f"{self.found} = {{row[0]: row[1:] for row in {ran}}}"
        if self.kind != "rows":
            return f"{self.found} = dict({f'({ran})' if await_ else ran}.all())"
        default = imports.name("collections", "defaultdict")
        names = [self.loop.free_name(name, f"{name}_of_row") for name in ("key", "value")]
        if default is None or None in names:
            return None
        key, value = names
        return (
            f"{self.found} = {default}(list)\nfor {key}, {value} in {ran}:\n"
            f"    {self.found}[{key}].append({value})"
        )

    def _value(self) -> str:
        if self.kind == "exists":
            return f"{self.key} in {self.found}"
        if self.kind == "count":
            return f"{self.found}.get({self.key}, 0)"
        if self.kind == "optional":
            return f"{self.found}.get({self.key})"
        return f"{self.found}[{self.key}]"


def _parts(read: Read, loop: Loop) -> Selected | None:
    if chains.method(read.call) in ("get", "get_one") or not read.call.args:
        return None
    return selected(loop.module, read.call.args[0].value, loop.bound())


def _entity(read: Read) -> str:
    """The class that `session.get` reads."""
    if chains.method(read.call) not in ("get", "get_one") or len(read.call.args) < 2:
        return ""
    return chains.dotted(read.call.args[0].value)


def _model(name: str, source: Source) -> Model | None:
    """The model of `Order`, `models.Order` or `Order.id`."""
    parts = set(name.split("."))
    models = [m for m in source.models if m.orm == "sqlalchemy" and m.name in parts]
    return models[0] if len(models) == 1 else None


def _is_unique(column: str, model: Model) -> bool:
    name = column.rpartition(".")[2]
    primary = [field for field in model.fields if field.primary_key]
    alone = len(primary) == 1 and primary[0].name == name
    return alone or any(field.name == name and field.unique for field in model.fields)


def _is_certain(
    parts: Selected | None, key: cst.BaseExpression, model: Model, source: Source
) -> bool:
    """Whether each key has its row: it is a foreign key that is never NULL, and nothing narrows."""
    if parts is not None:
        conditions = [
            a for s in parts.steps if chains.function(s) in ("where", "filter") for a in s.args
        ]
        if len(conditions) != 1:
            return False
    name = key.attr.value if isinstance(key, cst.Attribute) else chains.dotted(key)
    relations = [
        relation
        for owner in source.models
        if owner.orm == "sqlalchemy"
        for relation in owner.relations
        if relation.kind in ("forward", "one-to-one") and relation.column == name
    ]
    return bool(relations) and all(r.model == model.label and not r.null for r in relations)


def _rest(module: Module, parts: Selected, condition: str) -> tuple[str, ...]:
    """The calls after `select(...)`, with the condition on all keys."""
    calls = []
    for step in parts.steps:
        name = chains.function(step)
        if name in ("select", "exists"):
            continue
        args = [
            condition if arg.value is parts.condition else module.text(arg) for arg in step.args
        ]
        calls.append(f".{name}({', '.join(a.rstrip(', ') for a in args)})")
    return tuple(calls)


def _on_lines(calls: Sequence[str], used: int) -> str:
    """A chain on one line, or on one for each call where `used` columns leave too little room."""
    flat = "".join(calls)
    if used + len(flat) <= LINE_LENGTH:
        return flat
    return "(\n" + "".join(f"    {call}\n" for call in calls) + ")"


def _keys_name(loop: Loop, key: cst.BaseExpression) -> str | None:
    """`order_ids` for `item.order_id`."""
    last = key.attr.value if isinstance(key, cst.Attribute) else chains.dotted(key)
    return loop.free_name(f"{last or 'key'}s", f"all_{last or 'key'}s", "keys")


def _name(loop: Loop, parts: Selected, model: Model) -> str | None:
    last = parts.column.rpartition(".")[2].removesuffix("_id")
    many = plural(model.name)
    if parts.kind == "count":
        return loop.free_name(f"{many}_count", f"{many}_count_by_{last}")
    if parts.kind == "exists":
        return loop.free_name(f"with_{many}", f"{last}s_with_{many}")
    return loop.free_name(many, f"{many}_by_{last}", f"{many}_by_key")
