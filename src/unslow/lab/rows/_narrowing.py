"""Rows whose unread columns can be left in the database."""

import ast
from dataclasses import dataclass

from unslow.lab.rows import _django as django
from unslow.lab.rows._columns import HEAVY, kind
from unslow.lab.rows._eager import eager_relations
from unslow.lab.rows._flow import Rows, method
from unslow.lab.rows._reads import Reads, row_reads
from unslow.lab.rows._select import Selected, selected
from unslow.model import Field, Model

NARROWED = frozenset({"only", "defer", "distinct", "load_only"})
COUNTING = frozenset({"count", "exists", "aggregate"})


@dataclass(frozen=True)
class Narrowing:
    """What is read, what is not, and the expression to narrow: a queryset, or a statement."""

    reads: Reads
    unused: tuple[Field, ...]
    point: ast.expr
    statement: Selected | None = None

    @property
    def heavy(self) -> bool:
        """Whether an unread column may be as long as it likes."""
        return any(field.type in HEAVY for field in self.unused)

    @property
    def valued(self) -> bool:
        """Whether plain values serve as well as instances: no descriptor makes them another."""
        return self.reads.plain and all(kind(field) != "other" for field in self.reads.fields)


def narrowing(rows: Rows, model: Model) -> Narrowing | None:
    """None where the source does not show what is read of the rows, or they are narrow already."""
    reads = row_reads(rows, model)
    if reads is None or not model.fields:
        return None
    unused = tuple(
        field for field in model.fields if field not in reads.fields and not field.primary_key
    )
    if not unused:
        return None
    if model.orm == "django":
        if not django.is_queryset(rows) or NARROWED & set(django.steps(rows)):
            return None
        joined = eager_relations(rows, "select_related")
        if joined - {field.name for field in reads.fields}:
            return None  # a column cannot be deferred and joined
        point = django.point(rows)
        return Narrowing(reads, unused, point) if point is not None else None
    statement = selected(rows)
    if statement is None or statement.names & {"distinct"} or _has_loader(statement):
        return None
    if statement.name.rpartition(".")[2] != model.name:
        return None
    return Narrowing(reads, unused, statement.statement, statement)


def _has_loader(statement: Selected) -> bool:
    return any(
        isinstance(node, ast.Name | ast.Attribute)
        and (node.id if isinstance(node, ast.Name) else node.attr) in ("load_only", "defer")
        for step in statement.steps
        if method(step) == "options"
        for node in ast.walk(step)
    )
