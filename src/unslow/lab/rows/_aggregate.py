"""Totals that the database can give instead of the rows that they are made of."""

import ast
from dataclasses import dataclass

from unslow.lab.rows import _django as django
from unslow.lab.rows._columns import ORDERED, field_of, kind
from unslow.lab.rows._conditions import Condition, conditions
from unslow.lab.rows._flow import Rows
from unslow.lab.rows._reductions import Reduction, reductions
from unslow.lab.rows._select import Selected, selected
from unslow.lab.rows._values import Value, arithmetic
from unslow.model import Field, Model

EXACT = ("postgresql",)  # databases whose sums of decimals are decimals of as many places


@dataclass(frozen=True)
class Total:
    """One reduction as the database computes it: of the rows that meet the conditions."""

    reduction: Reduction
    value: Value | None
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Totals:
    """All totals of one result; `statement` is its SQLAlchemy statement."""

    rows: Rows
    totals: tuple[Total, ...]
    statement: Selected | None = None

    @property
    def reductions(self) -> tuple[Reduction, ...]:
        return tuple(total.reduction for total in self.totals)


def totalled(rows: Rows, model: Model, database: str) -> Totals | None:
    """None where rows are needed, or where SQL might give another total than Python."""
    made = reductions(rows)
    statement = selected(rows) if model.orm == "sqlalchemy" else None
    if made is None or not _is_plain(rows, model, statement):
        return None
    guarded = any(one.tested for one in made)
    totals = [_total(one, model, database, statement, guarded) for one in made]
    known = tuple(one for one in totals if one is not None)
    limited = django.is_sliced(rows) if statement is None else False
    if len(known) < len(totals) or (limited and any(one.conditions for one in known)):
        return None
    return Totals(rows, known, statement)


def _is_plain(rows: Rows, model: Model, statement: Selected | None) -> bool:
    if model.orm == "django":
        return django.is_queryset(rows)
    if statement is None or statement.names & {"limit", "offset", "distinct"}:
        return False
    return statement.name.rpartition(".")[2] == model.name


def _total(
    one: Reduction, model: Model, database: str, statement: Selected | None, guarded: bool
) -> Total | None:
    asked: tuple[Condition, ...] | None = ()
    if one.test is not None:
        asked = conditions(one.test, one.row, model)
    if asked is None:
        return None
    if one.function == "count":
        return Total(one, None, asked)
    assert one.value is not None

    def write(field: Field) -> str:
        return f"{statement.name}.{field.name}" if statement else f'F("{field.name}")'

    value = arithmetic(one.value, one.row, model, write)
    if one.function in ("max", "min"):
        known = one.default in ("None", "0") or (guarded and not one.default)
        field = _column(one, model) if known else None
        value = Value(write(field), (field,), kind(field)) if field else None
        if value is None or value.kind not in ORDERED:
            return None
    if value is None or (value.kind == "decimal" and not database.startswith(EXACT)):
        return None
    return Total(one, value, asked)


def _column(one: Reduction, model: Model) -> Field | None:
    return field_of(one.value, one.row, model) if isinstance(one.value, ast.expr) else None
