"""Which columns must change for a copied row to be another row, and which follow them.

Columns that foreign keys tie together are one class: all of them change alike, so that a copied
child refers to the copy of its parent.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from unslow.lab.growth.catalogue import Catalogue, Column, ForeignKey, Key, Table

SHORTEST_TEXT = 6  # characters; in fewer there is no room for new values
LONG_TEXT = 20

Place = tuple[str, str]  # table and column
Class = Place  # one of its columns stands for all


@dataclass(frozen=True)
class Plan:
    """The classes that change, and the tables that cannot be copied, each with the reason."""

    changed: frozenset[Class]
    left_out: dict[str, str]


class Classes:
    """The classes of a catalogue's columns."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._above: dict[Place, Place] = {}
        self._referenced = {
            (key.parent, name)
            for table in catalogue.tables
            for key in table.foreign
            for name in key.parent_columns
        }
        tables = {table.name: table for table in catalogue.tables}
        for table in catalogue.tables:
            for key in table.foreign:
                for own, other in zip(key.columns, key.parent_columns, strict=True):
                    self._join((table.name, own), (key.parent, other))
            for bounds in (key.apart for key in table.keys):
                for other in bounds[1:]:
                    self._join((table.name, other), (table.name, bounds[0]))
            for parent in table.inherits:
                for column in tables[parent].columns if parent in tables else ():
                    self._join((table.name, column.name), (parent, column.name))

    def of(self, table: str, column: str) -> Class:
        place = (table, column)
        while place in self._above:
            place = self._above[place]
        return place

    def is_referenced(self, table: str, column: str) -> bool:
        """Whether the rows of some table refer to the column."""
        return (table, column) in self._referenced

    def columns(self, wanted: Class) -> Iterator[tuple[Table, Column]]:
        """The stored columns of a class."""
        for table in self._catalogue.tables:
            for column in table.columns:
                if not column.generated and self.of(table.name, column.name) == wanted:
                    yield table, column

    def plan(self, fixed: Collection[str], changed: Collection[Class] = ()) -> Plan:
        """Choose what changes when the tables in `fixed` stay as they are."""
        chosen = set(changed)
        left_out: dict[str, str] = {}
        while True:
            still = {*fixed, *left_out}
            found = self._unmet(still, chosen)
            if found is None:
                return Plan(frozenset(chosen), left_out)
            table, key = found
            candidate = self._candidate(table, key, still)
            if candidate is None:
                left_out[table.name] = self._reason(table, key, still)
            else:
                chosen.add(self.of(table.name, candidate.name))

    def moves(self, table: Table, column: str, plan: Plan, fixed: Collection[str]) -> bool:
        """Whether a copied row of `table` gets another value in `column`."""
        return self.of(table.name, column) in plan.changed and not is_held(table, column, fixed)

    def _unmet(self, fixed: Collection[str], chosen: Collection[Class]) -> tuple[Table, Key] | None:
        for table in self._catalogue.tables:
            if table.name in fixed:
                continue
            for key in table.keys:
                if not any(
                    self.of(table.name, name) in chosen and not is_held(table, name, fixed)
                    for name in (*key.columns, *key.apart)
                ) and (self._candidate(table, key, fixed) or key.primary):
                    return table, key
        return None

    def _candidate(self, table: Table, key: Key, fixed: Collection[str]) -> Column | None:
        places = [table.column(name) for name in (*key.columns, *key.apart)]
        free = [one for one in places if can_change(one) and not is_held(table, one.name, fixed)]
        return min(free, key=lambda one: _rank(table, one), default=None)

    def _reason(self, table: Table, key: Key, fixed: Collection[str]) -> str:
        held = [one for one in key.columns if is_held(table, one, fixed)]
        if held:
            parent = next(f.parent for f in table.foreign if held[0] in f.columns)
            return f"{key.name}: its rows belong to {parent}, which is not copied"
        return f"{key.name}: there are no other values for {', '.join(key.columns)}"

    def _join(self, one: Place, other: Place) -> None:
        first, second = self.of(*one), self.of(*other)
        if first != second:
            self._above[first] = second


def is_held(table: Table, column: str, fixed: Collection[str]) -> bool:
    """Whether the column refers to a table that has no copies."""
    return any(column in key.columns and key.parent in fixed for key in table.foreign)


def can_change(column: Column) -> bool:
    if column.generated:
        return False
    if column.kind == "range":
        return column.element in ("integer", "number", "time", "date")
    if column.kind == "text":
        return column.length is None or column.length >= SHORTEST_TEXT
    return bool(column.kind)


def links(table: Table) -> Iterator[ForeignKey]:
    """The foreign keys whose columns no other foreign key has."""
    for key in table.foreign:
        others = [name for one in table.foreign if one is not key for name in one.columns]
        if not set(others) & set(key.columns):
            yield key


def _rank(table: Table, column: Column) -> tuple[bool, int]:
    """The column whose values are most surely without a meaning comes first."""
    if column.kind == "integer":
        found = 0 if column.sequence else 3
    elif column.kind == "text":
        found = 2 if column.length is None or column.length >= LONG_TEXT else 5
    else:
        found = {"uuid": 1, "number": 4, "bytes": 6, "time": 7, "date": 8}.get(column.kind, 9)
    return column.name in table.partitioned_by, found
