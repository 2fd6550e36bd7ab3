"""What must be known of a database to copy its rows: columns, keys, constraints, sequences."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["integer", "number", "text", "uuid", "time", "date", "bytes", "range", ""]


@dataclass(frozen=True)
class Column:
    """`kind` says how its values can be made others, "" that they cannot.

    `type` is what a cast says, `length` the most characters of a text, `most` the largest integer.
    `element` is the kind of a range's bounds. `sequence` makes its numbers.
    """

    name: str
    type: str
    kind: Kind = ""
    length: int | None = None
    most: int | None = None
    element: Kind = ""
    generated: bool = False
    sequence: str = ""


@dataclass(frozen=True)
class Key:
    """What two rows must not share: a row is another when one of `columns` is, or when the ranges
    that `apart` holds, or that its columns bound together, do not overlap."""

    name: str
    columns: tuple[str, ...]
    primary: bool = False
    apart: tuple[str, ...] = ()


@dataclass(frozen=True)
class ForeignKey:
    """`columns` refer to `parent_columns` of the table `parent`."""

    name: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    deferrable: bool = False
    validated: bool = True


@dataclass(frozen=True)
class Check:
    name: str
    sql: str


@dataclass(frozen=True)
class Table:
    """`name` is `schema.table`, or plain in SQLite. Rows of a table that `is_partitioned` lie in
    its partitions, by the values of `partitioned_by`; `inherits` names the tables whose columns it
    repeats."""

    name: str
    columns: tuple[Column, ...]
    keys: tuple[Key, ...] = ()
    foreign: tuple[ForeignKey, ...] = ()
    checks: tuple[Check, ...] = ()
    inherits: tuple[str, ...] = ()
    is_partitioned: bool = False
    partitioned_by: tuple[str, ...] = ()
    rows: int = 0

    def column(self, name: str) -> Column:
        return next(one for one in self.columns if one.name == name)


@dataclass(frozen=True)
class Catalogue:
    tables: tuple[Table, ...]

    def table(self, name: str) -> Table | None:
        return next((one for one in self.tables if one.name == name), None)
