"""Rows that are read for their average, or for the one of them with the largest value."""

import ast
from dataclasses import dataclass
from typing import Literal

from unslow.lab.rows._columns import ORDERED, Kind, field_of, kind
from unslow.lab.rows._flow import Rows, function, method
from unslow.model import Model

AVERAGES = frozenset({"mean", "fmean", "median"})
AVERAGED: frozenset[Kind] = frozenset({"integer", "decimal", "float"})
REASONS = {
    "average": "an average of SQL has other digits than one of Python: write `Avg` where they may",
    "row": "of equal values SQL may take another row, and of no rows none: order by the value and"
    " take the first",
}


@dataclass(frozen=True)
class Searched:
    """`mean(row.total for row in rows)`, or `max(rows, key=lambda row: row.total)`."""

    what: Literal["average", "row"]
    place: ast.Call

    @property
    def reason(self) -> str:
        return REASONS[self.what]


def searched(rows: Rows, model: Model) -> Searched | None:
    """None where the rows are used in any other way as well."""
    if len(rows.uses) != 1:
        return None
    use = rows.uses[0]
    if use.kind == "call" and isinstance(use.holder, ast.Call):
        return _largest(use.holder, model)
    if use.kind != "comprehension" or not isinstance(use.holder, ast.GeneratorExp | ast.ListComp):
        return None
    call, inner = rows.file.parents[use.holder], use.holder
    target = inner.generators[0].target
    if not isinstance(call, ast.Call) or call.args != [inner] or not isinstance(target, ast.Name):
        return None
    field = field_of(inner.elt, target.id, model)
    name = function(call) or method(call)
    averages = name in AVERAGES and field is not None and kind(field) in AVERAGED
    return Searched("average", call) if averages and not inner.generators[0].ifs else None


def _largest(call: ast.Call, model: Model) -> Searched | None:
    by = {word.arg: word.value for word in call.keywords}
    key = by.get("key")
    if function(call) not in ("max", "min") or len(call.args) != 1 or set(by) - {"key", "default"}:
        return None
    if not isinstance(key, ast.Lambda) or len(key.args.args) != 1:
        return None
    field = field_of(key.body, key.args.args[0].arg, model)
    if field is None or field.null or kind(field) not in ORDERED:
        return None
    return Searched("row", call)
