"""The one query that answers for all rows of a loop, and how each row's part is read from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._keys import is_certain, is_unique, model_in
from unslow.lab.prescribe._layout import LINE_LENGTH
from unslow.lab.prescribe._locals import names
from unslow.lab.prescribe._loops import Loop, plural
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._reads import Read, Selected, selected
from unslow.lab.prescribe._result_rows import Rows
from unslow.lab.prescribe._source import Source
from unslow.model import Model, TextEdit

GETS = frozenset({"get", "get_one"})


@dataclass(frozen=True)
class Place:
    """A read per row, the loop around it or around its caller, and the names there.

    `names` gives the caller's name for each of the helper's that matter; {} in one function.
    """

    read: Read
    loop: Loop
    bound: frozenset[str]
    names: dict[str, str] = field(default_factory=dict)

    @property
    def raises(self) -> bool:
        """Whether a missing row is an error here that a dictionary would raise differently."""
        return self.read.mode in ("required", "row") and not self.names

    def text(self, node: cst.BaseExpression) -> str:
        """The key as the loop's function writes it."""
        text = self.read.module.text(node)
        root = re.match(r"\w+", text)
        return self.named(root.group()) + text[root.end() :] if root else text

    def named(self, name: str) -> str:
        return self.names.get(name, name)

    @property
    def session(self) -> str:
        root, dot, rest = self.read.session.partition(".")
        return self.named(root) + dot + rest

    def parts(self) -> Selected | None:
        if chains.method(self.read.call) in GETS or self.read.statement is None:
            return None
        return selected(self.read.module, self.read.statement, set(self.bound))

    @property
    def entity(self) -> str:
        """The class that `session.get` reads."""
        if chains.method(self.read.call) not in GETS or len(self.read.call.args) < 2:
            return ""
        return chains.dotted(self.read.call.args[0].value)


@dataclass(frozen=True)
class OneQuery:
    """The query for all rows, and how one row's part is read from its result."""

    place: Place
    model: Model
    column: str
    key: cst.BaseExpression
    columns: tuple[str, ...]
    rest: tuple[str, ...]
    kind: str
    found: str
    keys: str
    rows: str
    empty: str = ""

    @classmethod
    def of(cls, place: Place, rows: str, source: Source) -> OneQuery | None:
        """None where more than the row's key tells the statements apart, or a value may differ."""
        parts = place.parts()
        model = model_in(parts.column if parts else place.entity, source)
        if model is None:
            return None
        if parts is None:
            return cls._of_get(place, rows, model, source)
        mode = place.read.mode
        if parts.kind == "value" and (mode == "rows") == is_unique(parts.column, model):
            return None
        if parts.kind == "aggregate" and (mode not in ("optional", "required") or place.names):
            return None
        may_miss = place.raises and parts.kind != "aggregate"
        if may_miss and not is_certain(parts, parts.key, model, source):
            return None
        keys, found = _keys_name(place.loop, parts.key), _name(place.loop, parts, model)
        if found is None or keys is None:
            return None
        rest = _rest(place.read.module, parts, f"{parts.column}.in_({keys})")
        kind = parts.kind if parts.kind != "value" else mode
        column, columns, empty = parts.column, parts.columns, parts.empty
        return cls(place, model, column, parts.key, columns, rest, kind, found, keys, rows, empty)

    @classmethod
    def _of_get(cls, place: Place, rows: str, model: Model, source: Source) -> OneQuery | None:
        key = place.read.call.args[1].value
        primary = [field.name for field in model.fields if field.primary_key]
        *_, root = chains.chain(key)
        if len(place.read.call.args) != 2 or len(primary) != 1 or not names(root) & place.bound:
            return None
        if any(isinstance(step, cst.Call) for step in chains.chain(key)):
            return None
        if place.raises and not is_certain(None, key, model, source):
            return None
        column = f"{place.entity}.{primary[0]}"
        keys = _keys_name(place.loop, key)
        found = place.loop.free_name(plural(model.name), f"{plural(model.name)}_by_key")
        if found is None or keys is None:
            return None
        rest, mode = (f".where({column}.in_({keys}))",), place.read.mode
        return cls(place, model, column, key, (place.entity,), rest, mode, found, keys, rows)

    def edits(self, rows: Rows) -> list[TextEdit] | None:
        """Ask before the loop, and read from the answer in it."""
        module, read = self.place.loop.module, self.place.read
        imports = Imports(module, None)
        text = self.text(imports)
        if text is None or rows.name == self.found:
            return None
        return [
            *self.place.loop.before(text, rows.name, rows.opening, rows.closing),
            *rows.edits,
            *imports.edits(),
            module.replace(read.node, self.value()),
            *(module.replace(node, name) for node, name in read.later),
            *([module.without_line(read.unused)] if read.unused else []),
        ]

    def held(self, rows: Rows) -> list[TextEdit] | None:
        """Read the entities before the loop and hold them; a helper gets them by their key."""
        read, loop = self.place.read, self.place.loop
        entity = self.columns[0]
        if self.kind not in ("optional", "required") or len(self.columns) != 1 or read.later:
            return None
        if entity != self.column.rpartition(".")[0] or not self.primary or len(self.rest) != 1:
            return None
        imports = Imports(loop.module, None)
        model = self.model
        named = imports.name(model.module, model.name)
        text = self.text(imports, held=True)
        if text is None or named != entity:
            return None
        edits = self.place.loop.before(text, rows.name, rows.opening, rows.closing)
        edits += [*rows.edits, *imports.edits()]
        if chains.method(read.call) not in GETS:
            method = "get" if self.kind == "optional" else "get_one"
            key = read.module.text(self.key)
            value = f"{'await ' * read.awaited}{read.session}.{method}({entity}, {key})"
            edits.append(read.module.replace(read.node, value))
        return edits

    @property
    def primary(self) -> bool:
        """Whether the column is the whole primary key."""
        keys = [field.name for field in self.model.fields if field.primary_key]
        return keys == [self.column.rpartition(".")[2]]

    def text(self, imports: Imports, held: bool = False) -> str | None:
        """The statements that read all rows; `held` keeps them in a list instead of by key."""
        loop = self.place.loop
        select = imports.name("sqlalchemy", "select")
        statement = loop.free_name("statement", "all_rows_statement")
        if select is None or statement is None:
            return None
        keyed = () if held else (self.column,)
        columns = [*keyed, *(self.columns if self.kind != "exists" else ())]
        group = [f".group_by({self.column})"] if self.kind in ("count", "aggregate") else []
        built = [f"{select}({', '.join(columns)})", *self.rest, *group]
        collected = self._held(statement) if held else self._collected(statement, imports)
        if collected is None:
            return None
        keys = f"{self.keys} = [{self.place.text(self.key)} for {loop.target} in {self.rows}]"
        indent = loop.module.indent(loop.module.start(loop.statement))
        chain = _on_lines(built, len(f"{indent}{statement} = "))
        return "\n".join((keys, f"{statement} = {chain}", collected))

    def _held(self, statement: str) -> str:
        place = self.place
        ran = f"{place.session}.scalars({statement})"
        rows = f"(await {ran})" if place.read.awaited else ran
        return (
            f"# The session finds these rows by their key as long as they are held.\n"
            f"{self.found} = {rows}.all()"
        )

    def _collected(self, statement: str, imports: Imports) -> str | None:
        """What makes a dictionary (or a set) of the rows."""
        place = self.place
        await_ = "await " * place.read.awaited
        ran = f"{await_}{place.session}.execute({statement})"
        if self.kind == "exists":
            return f"{self.found} = set({await_}{place.session}.scalars({statement}))"
        if self.kind == "row":
            return f"{self.found} = {{row[0]: row[1:] for row in {ran}}}"
        if self.kind != "rows":
            return f"{self.found} = dict({f'({ran})' if await_ else ran}.all())"
        default = imports.name("collections", "defaultdict")
        names = [place.loop.free_name(name, f"{name}_of_row") for name in ("key", "value")]
        if default is None or None in names:
            return None
        key, value = names
        return (
            f"{self.found} = {default}(list)\nfor {key}, {value} in {ran}:\n"
            f"    {self.found}[{key}].append({value})"
        )

    def value(self) -> str:
        """One row's part of the answer, as the function that asked for it writes it."""
        key = self.place.read.module.text(self.key)
        if self.kind == "exists":
            return f"{key} in {self.found}"
        if self.kind == "count":
            return f"{self.found}.get({key}, 0)"
        if self.kind == "aggregate" and self.empty != "None":
            return f"{self.found}.get({key}, {self.empty})"
        if self.kind in ("optional", "aggregate"):
            return f"{self.found}.get({key})"
        return f"{self.found}[{key}]"


def key_of(read: Read, bound: set[str]) -> cst.BaseExpression | None:
    """What a read looks for: the second argument of `get`, or what a column is compared to."""
    if chains.method(read.call) in GETS:
        return read.call.args[1].value if len(read.call.args) > 1 else None
    parts = selected(read.module, read.statement, bound) if read.statement else None
    return parts.key if parts else None


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
    if parts.kind == "aggregate":
        what = re.findall(r"\bfunc\.(?!coalesce)(\w+)", parts.columns[0])[0]
        return loop.free_name(f"{many}_{what}", f"{many}_{what}_by_{last}")
    if parts.kind == "exists":
        return loop.free_name(f"with_{many}", f"{last}s_with_{many}")
    return loop.free_name(many, f"{many}_by_{last}", f"{many}_by_key")
