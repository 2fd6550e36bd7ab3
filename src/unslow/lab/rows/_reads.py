"""Which attributes of the rows a function reads, where it reads nothing else of them."""

import ast
from dataclasses import dataclass

from unslow.lab.rows._columns import field_named
from unslow.lab.rows._file import File
from unslow.lab.rows._flow import Rows, Use, chain, function, method
from unslow.model import Field, Model

TAKERS = frozenset(
    {"list", "tuple", "set", "frozenset", "sorted", "sum", "max", "min", "any", "all"}
)
Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


@dataclass(frozen=True)
class Reads:
    """What is read of each row: columns, what the queryset annotates, and related rows.

    `flat` is the comprehension that gives one column as it is, and does nothing else; `loops` are
    the statements and comprehensions that run over the rows.
    """

    fields: tuple[Field, ...]
    names: tuple[str, ...]
    annotated: tuple[str, ...]
    related: tuple[str, ...]
    loops: tuple[ast.AST, ...]
    flat: Comprehension | None = None

    @property
    def plain(self) -> bool:
        """Whether columns and annotations are all that is read."""
        return not self.related


def row_reads(rows: Rows, model: Model) -> Reads | None:
    """None where a row is given away, changed, or asked for what is no column."""
    names = attributes_read(rows)
    loops = [use.holder for use in rows.uses if use.kind in ("loop", "comprehension")]
    return _described(rows, model, names, loops) if loops and names is not None else None


def attributes_read(rows: Rows) -> tuple[str, ...] | None:
    """What loops read of the rows, each name once; None where they do anything else with them."""
    names: dict[str, None] = {}
    for use in rows.uses:
        if use.kind == "truth" or (use.kind == "call" and function(use.holder) == "len"):
            continue
        found = _of_loop(rows.file, use)
        if found is None:
            return None
        names |= dict.fromkeys(found)
    return tuple(names)


def _described(
    rows: Rows, model: Model, names: tuple[str, ...], loops: list[ast.AST]
) -> Reads | None:
    fields: dict[str, Field] = {}
    annotated, related = [], []
    computed = annotations(rows)
    forward = {one.name: one for one in model.relations if one.kind in ("forward", "one-to-one")}
    for name in names:
        field = field_named(name, model)
        if field is not None:
            fields[field.name] = field
        elif name in computed:
            annotated.append(name)
        elif name in forward and (key := _key(model, forward[name].column)) is not None:
            fields[key.name] = key
            related.append(name)
        else:
            return None
    flat = _flat(rows.file, loops[0]) if len(loops) == 1 and len(rows.uses) == 1 else None
    return Reads(
        tuple(fields.values()), names, tuple(annotated), tuple(related), tuple(loops), flat
    )


def _key(model: Model, column: str) -> Field | None:
    return next((field for field in model.fields if field.column == column), None)


def annotations(rows: Rows) -> set[str]:
    """The names that the chain gives to computed values."""
    return {
        word.arg
        for step in chain(rows.query)
        if isinstance(step, ast.Call) and method(step) == "annotate"
        for word in step.keywords
        if word.arg
    }


def _of_loop(file: File, use: Use) -> list[str] | None:
    """The attributes that a loop reads of its row; None when it does anything else with it."""
    inside: list[ast.AST]
    outside: ast.AST
    if use.kind == "loop" and isinstance(use.holder, ast.For):
        target, inside = use.holder.target, [*use.holder.body, *use.holder.orelse]
        outside = file.scope(use.node)
    elif use.kind == "comprehension" and isinstance(use.holder, Comprehension):
        target, inside = use.holder.generators[0].target, [use.holder]
        outside = use.holder
    else:
        return None
    if not isinstance(target, ast.Name):
        return None
    names: list[str] = []
    within = {id(node) for one in inside for node in ast.walk(one)}
    for node in ast.walk(outside):
        if not isinstance(node, ast.Name) or node.id != target.id or node is target:
            continue
        if id(node) not in within:
            return None
        read = file.parents[node]
        if not isinstance(read, ast.Attribute) or not isinstance(read.ctx, ast.Load):
            return None
        names.append(read.attr)
    return names


def _flat(file: File, loop: ast.AST) -> Comprehension | None:
    """`[row.number for row in rows]`; a generator where what takes it takes any iterable."""
    if not isinstance(loop, ast.ListComp | ast.SetComp | ast.GeneratorExp):
        return None
    if isinstance(loop, ast.GeneratorExp):
        call = file.parents[loop]
        if function(call) not in TAKERS and method(call) != "join":
            return None
    plain = isinstance(loop.elt, ast.Attribute) and isinstance(loop.elt.value, ast.Name)
    return loop if plain and not loop.generators[0].ifs else None
