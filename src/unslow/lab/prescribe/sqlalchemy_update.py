"""Lets one `UPDATE` change the rows that a loop changes in a SQLAlchemy session."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._arithmetic import AUGMENTED, Arithmetic, Inexact
from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._row_writes import model_refusal, within, written
from unslow.lab.prescribe._session_rows import SessionLoop, body, loop_at, session_loop
from unslow.lab.prescribe._source import Source
from unslow.model import Field, Finding, Model, Patch, Recommendation, WriteEvidence

DETECTORS = frozenset({"row-by-row-write", "read-modify-write"})
FIXER = "sqlalchemy-update"
PASSED_BY = ("validates", "version_id_col", "before_update", "after_update")
RUNNING = cst.Call | cst.Await | cst.NamedExpr | cst.Lambda | cst.BaseComp

ELSEWHERE = "the loop that changes the rows is not plain to see"
OWN = "a column sets itself when its row is updated"
MORE = "the loop does more than to change its rows"
VARIES = "the values differ from row to row in a way that only Python knows"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for a loop of nothing but changes."""
    found = written(finding, source, "sqlalchemy", "update")
    if found is None:
        return
    evidence, model = found
    advice = _advice(evidence, model, source)
    if isinstance(advice, Patch):
        yield advice
    else:
        summary = f"Change the rows of {model.name} in one statement: update({model.name})"
        yield Recommendation(FIXER, summary, advice)


def _advice(evidence: WriteEvidence, model: Model, source: Source) -> Patch | str:
    """The patch, or the reason why there is none."""
    if refusal := model_refusal(model, *PASSED_BY):
        return refusal
    if any(field.on_save for field in model.fields):
        return OWN
    at = loop_at(evidence, model, source)
    loop = session_loop(*at, model) if at is not None else ELSEWHERE
    if isinstance(loop, str):
        return loop
    imports = Imports(loop.module)
    database = source.trace.database if source.trace is not None else ""
    try:
        values = _values(loop, database.startswith("postgresql"))
    except Inexact as error:
        return str(error)
    update = imports.name("sqlalchemy", "update")
    if update is None:
        return ELSEWHERE
    given = ", ".join(f"{name}={text}" for name, text in values.items())
    edits = loop.instead(f"{update}({loop.name})", f".values({given})")
    summary = f"Change all rows of {loop.name} in one statement: update"
    return Patch(FIXER, summary, "review", (*edits, *imports.edits()))


def _values(loop: SessionLoop, exact_decimals: bool) -> dict[str, str]:
    """The new values by column. Raises `Inexact`."""
    fields = {field.name: field for field in loop.model.fields}

    def column(field: Field) -> str:
        return f"{loop.name}.{field.name}"

    arithmetic = Arithmetic(
        loop.module,
        loop.row,
        fields.get,
        column,
        half_even=False,
        exact_decimals=exact_decimals,
        casts_literals=True,
    )
    found: dict[str, str] = {}
    for name, change in _changes(loop):
        field = fields.get(name)
        if field is None or field.primary_key or name in found:
            raise Inexact(MORE)
        if any(_reads(loop, change, earlier) for earlier in found):
            raise Inexact(VARIES)
        found[name] = _value(loop, change, field, arithmetic)
    if not found:
        raise Inexact(MORE)
    return found


def _value(
    loop: SessionLoop,
    change: cst.Assign | cst.AugAssign | cst.Arg,
    field: Field,
    arithmetic: Arithmetic,
) -> str:
    if isinstance(change, cst.AugAssign):
        sign = AUGMENTED.get(type(change.operator), "")
        own = arithmetic.term(change.target)
        return arithmetic.stored(
            arithmetic.combined(own, sign, arithmetic.term(change.value)), field
        )
    if _is_same(loop, change.value):
        return loop.module.text(change.value)
    return arithmetic.value(change.value, field)


def _changes(
    loop: SessionLoop,
) -> Iterator[tuple[str, cst.Assign | cst.AugAssign | cst.Arg]]:
    """Column and change, for each assignment of the loop. Raises `Inexact` for other statements."""
    changes: list[tuple[str, cst.Assign | cst.AugAssign | cst.Arg]] = []

    def keep(small: cst.BaseSmallStatement) -> bool:
        found = _assigned(loop, small) or _executed(loop, small)
        changes.extend(found)
        return bool(found)

    if not body(loop, keep):
        raise Inexact(MORE)
    yield from changes


def _assigned(
    loop: SessionLoop, small: cst.BaseSmallStatement
) -> list[tuple[str, cst.Assign | cst.AugAssign | cst.Arg]]:
    """`row.column = value`, `row.column += value`."""
    if isinstance(small, cst.Assign) and len(small.targets) == 1:
        target = small.targets[0].target
    elif isinstance(small, cst.AugAssign):
        target = small.target
    else:
        return []
    if isinstance(target, cst.Attribute) and chains.dotted(target.value) == loop.row:
        assert isinstance(small, cst.Assign | cst.AugAssign)
        return [(target.attr.value, small)]
    return []


def _executed(
    loop: SessionLoop, small: cst.BaseSmallStatement
) -> list[tuple[str, cst.Assign | cst.AugAssign | cst.Arg]]:
    """`session.execute(update(Model).where(Model.id == row.id).values(column=value))`."""
    value = small.value if isinstance(small, cst.Expr) else None
    call = value.expression if isinstance(value, cst.Await) else value
    if not isinstance(call, cst.Call) or chains.method(call) != "execute" or len(call.args) != 1:
        return []
    if chains.dotted(chains.receiver(call) or call) != loop.session:
        return []
    steps = list(chains.chain(call.args[0].value))
    kinds = [chains.method(s) or chains.function(s) for s in steps if isinstance(s, cst.Call)]
    if kinds != ["values", "where", "update"]:
        return []
    values, where, update = steps
    assert isinstance(values, cst.Call)
    assert isinstance(where, cst.Call)
    assert isinstance(update, cst.Call)
    of_model = [chains.dotted(arg.value) for arg in update.args] == [loop.name]
    key = next((field.name for field in loop.model.fields if field.primary_key), "")
    if not of_model or not _is_row(loop, where, key):
        return []
    return [(arg.keyword.value, arg) for arg in values.args if arg.keyword]


def _is_row(loop: SessionLoop, where: cst.Call, key: str) -> bool:
    """Whether the condition is that the row is the loop's."""
    text = loop.module.text(where.args[0].value) if len(where.args) == 1 else ""
    own, other = f"{loop.name}.{key}", f"{loop.row}.{key}"
    return text in (f"{own} == {other}", f"{other} == {own}")


def _is_same(loop: SessionLoop, value: cst.BaseExpression) -> bool:
    """Whether the expression has one value for all rows, without running code for each."""
    return not any(
        isinstance(node, RUNNING) or (isinstance(node, cst.Name) and node.value == loop.row)
        for node in within(value)
    )


def _reads(loop: SessionLoop, change: cst.Assign | cst.AugAssign | cst.Arg, name: str) -> bool:
    return any(
        isinstance(node, cst.Attribute) and chains.dotted(node) == f"{loop.row}.{name}"
        for node in within(change.value)
    )
