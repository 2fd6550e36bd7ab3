"""One `UPDATE` with the values that a loop gives its rows, where the database can make them."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._arithmetic import AUGMENTED, INEXACT, Arithmetic, Inexact
from unslow.lab.prescribe._django_saves import Saves, field_of, now
from unslow.lab.prescribe._imports import Imports, origin_of
from unslow.lab.prescribe._layout import Call, lay_out
from unslow.lab.prescribe._row_writes import within
from unslow.lab.prescribe._source import Source
from unslow.lab.prescribe._written_querysets import instead, rows_of
from unslow.model import Field, TextEdit

RUNNING = cst.Await | cst.NamedExpr | cst.Lambda | cst.BaseComp

MORE = "the loop does more than to change and save its rows"
VARIES = "the values differ from row to row in a way that only Python knows"
USED = "the loop does not run over a queryset, or its rows are used elsewhere"
ROUNDED = (
    "Django rounds a decimal half to even, and the database half away from zero: "
    "decide which of them is right"
)


def one_update(saved: Saves, source: Source) -> tuple[TextEdit, ...] | str:
    """The edits that put the statement in the loop's place, or the reason why there are none."""
    database = source.trace.database if source.trace is not None else ""
    return _edits(saved, exact_decimals=database.startswith("postgresql"))


def _edits(saved: Saves, *, exact_decimals: bool) -> tuple[TextEdit, ...] | str:
    write = saved.write
    changes = _changes(saved)
    if changes is None:
        return MORE
    rows = rows_of(write)
    if rows is None:
        return USED
    imports = Imports(write.module)
    values = _values(saved, changes, imports, exact_decimals=exact_decimals)
    if isinstance(values, str):
        return values
    indent = write.module.indent(write.module.start(write.loop))
    head = f"{write.prefix}{rows.text}.{'a' * write.awaited}update"
    used = len(indent) + len("changed = ") * bool(rows.counted)
    text = lay_out(Call(head, tuple(values)), indent, used)
    edits = instead(write, rows, text)
    return USED if edits is None else (*edits, *imports.edits())


def _changes(saved: Saves) -> list[cst.Assign | cst.AugAssign] | None:
    """The assignments of the loop's body, where it holds nothing else but the save."""
    write = saved.write
    found: list[cst.Assign | cst.AugAssign] = []
    if isinstance(write.loop.body, cst.IndentedBlock):
        for line in write.loop.body.body:
            for small in line.body if isinstance(line, cst.SimpleStatementLine) else [None]:
                if isinstance(small, cst.Assign | cst.AugAssign):
                    found.append(small)
                elif not isinstance(small, cst.Expr) or small.value is not write.node:
                    return None
    return found or None


def _values(
    saved: Saves,
    changes: Sequence[cst.Assign | cst.AugAssign],
    imports: Imports,
    *,
    exact_decimals: bool,
) -> list[str] | str:
    """The arguments of `update()`, or why there are none."""
    write = saved.write
    expression = ""

    def column(field: Field) -> str:
        nonlocal expression
        expression = expression or imports.name("django.db.models", "F") or ""
        if not expression:
            raise Inexact(VARIES)
        return f'{expression}("{field.name}")'

    arithmetic = Arithmetic(
        write.module,
        saved.row,
        lambda name: field_of(name, write.model),
        column,
        half_even=True,
        exact_decimals=exact_decimals,
    )
    found: dict[str, str] = {}
    for change in changes:
        target = change.target if isinstance(change, cst.AugAssign) else _target(change)
        field = _field(saved, target)
        if field is None or field.name in found:
            return MORE
        if any(_reads(saved, change, name) for name in found):
            return VARIES
        try:
            found[field.name] = _value(saved, change, field, arithmetic)
        except Inexact as error:
            return ROUNDED if str(error) == INEXACT and exact_decimals else VARIES
    stamp = now(imports) if saved.stamps else ""
    if stamp is None:
        return VARIES
    found |= {field.name: stamp for field in saved.stamps}
    return [f"{name}={text}" for name, text in found.items()]


def _value(
    saved: Saves, change: cst.Assign | cst.AugAssign, field: Field, arithmetic: Arithmetic
) -> str:
    """The value that one assignment gives. Raises `Inexact`."""
    if isinstance(change, cst.AugAssign):
        sign = AUGMENTED.get(type(change.operator), "")
        own = arithmetic.term(change.target)
        return arithmetic.stored(
            arithmetic.combined(own, sign, arithmetic.term(change.value)), field
        )
    if _is_same(saved, change.value):
        return saved.write.module.text(change.value)
    return arithmetic.value(change.value, field)


def _is_same(saved: Saves, value: cst.BaseExpression) -> bool:
    """Whether the expression has one value for all rows, without running code for each."""
    write = saved.write
    bound = {n.value for n in within(write.loop.target) if isinstance(n, cst.Name)}
    for node in within(value):
        if isinstance(node, cst.Call):
            if not _is_clock(write.module.text(node.func), saved):
                return False
        elif isinstance(node, RUNNING) or (isinstance(node, cst.Name) and node.value in bound):
            return False
    return True


def _is_clock(function: str, saved: Saves) -> bool:
    package = origin_of(saved.write.module, function.partition(".")[0]) or ""
    return function == "timezone.now" and package == "django.utils"


def _target(change: cst.Assign) -> cst.BaseExpression | None:
    return change.targets[0].target if len(change.targets) == 1 else None


def _field(saved: Saves, target: cst.BaseExpression | None) -> Field | None:
    """The column of `row.column`, where the save stores it."""
    if not isinstance(target, cst.Attribute) or chains.dotted(target.value) != saved.row:
        return None
    field = field_of(target.attr.value, saved.write.model)
    return field if field in saved.fields else None


def _reads(saved: Saves, change: cst.Assign | cst.AugAssign, name: str) -> bool:
    return any(
        isinstance(node, cst.Attribute) and chains.dotted(node) == f"{saved.row}.{name}"
        for node in within(change.value)
    )
