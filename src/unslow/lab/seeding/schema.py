"""What must be known of a database to fill it: types, constraints, what its values are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["base", "array", "range", "multirange", "enum", "composite"]


@dataclass(frozen=True)
class Type:
    """A type without its domains. `name` is PostgreSQL's own (int4, varchar), for SQLite too.

    `sql` is what a column definition says. `element` is of arrays, ranges and multiranges.
    """

    name: str
    sql: str = ""
    kind: Kind = "base"
    length: int | None = None
    precision: int | None = None
    scale: int = 0
    labels: tuple[str, ...] = ()
    element: "Type | None" = None
    parts: tuple["Type", ...] = ()


@dataclass(frozen=True)
class Bound:
    """An end of what a value may be, as SQL writes it; the end itself is out when `strict`."""

    text: str
    strict: bool = False


@dataclass(frozen=True)
class Facts:
    """What checks, domains and models say of one column's values; all of it holds.

    `patterns` are regular expressions that a text matches, `unlike` those that it does not.
    `hints` are values that a condition names without demanding them; `torn` tells that a
    condition is on being null or not, `json` that a text is JSON. Lengths are those of a text or of
    an array.
    """

    lows: tuple[Bound, ...] = ()
    highs: tuple[Bound, ...] = ()
    values: tuple[str, ...] | None = None
    excluded: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    shortest: int = 0
    longest: int | None = None
    fold: Literal["", "lower", "upper"] = ""
    not_null: bool = False
    torn: bool = False
    json: bool = False
    hints: tuple[str, ...] = ()

    def __and__(self, other: "Facts") -> "Facts":
        values = self.values if other.values is None else other.values
        if self.values is not None and other.values is not None:
            values = tuple(value for value in self.values if value in other.values)
        lengths = [one for one in (self.longest, other.longest) if one is not None]
        return Facts(
            lows=self.lows + other.lows,
            highs=self.highs + other.highs,
            values=values,
            excluded=self.excluded + other.excluded,
            patterns=self.patterns + other.patterns,
            unlike=self.unlike + other.unlike,
            shortest=max(self.shortest, other.shortest),
            longest=min(lengths) if lengths else None,
            fold=self.fold or other.fold,
            not_null=self.not_null or other.not_null,
            torn=self.torn or other.torn,
            json=self.json or other.json,
            hints=tuple(dict.fromkeys(self.hints + other.hints)),
        )


@dataclass(frozen=True)
class Statistics:
    """A row of pg_stats, values as text. `distinct` is negative for a share of the rows."""

    nulls: float = 0.0
    common: tuple[str, ...] = ()
    frequencies: tuple[float, ...] = ()
    bounds: tuple[str, ...] = ()
    distinct: float = 0.0


@dataclass(frozen=True)
class Column:
    """`orm` is the class of the model's field, "" when unknown. `generated` is the expression of a
    generated column. `sequence` makes its numbers. `domains` are conditions on `VALUE`."""

    name: str
    type: Type
    null: bool = True
    has_default: bool = False
    generated: str = ""
    sequence: str = ""
    domains: tuple[str, ...] = ()
    facts: Facts = Facts()
    statistics: Statistics | None = None
    orm: str = ""


@dataclass(frozen=True)
class ForeignKey:
    """`columns` refer to `parent_columns` of the table `parent`."""

    name: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    deferrable: bool = False
    full: bool = False


@dataclass(frozen=True)
class Unique:
    """Columns whose values occur once together. Partial ones and those of expressions are left to
    the database."""

    name: str
    columns: tuple[str, ...]
    nulls_equal: bool = False


@dataclass(frozen=True)
class Check:
    name: str
    sql: str


@dataclass(frozen=True)
class Order:
    """Two columns of a row that a check compares: `<`, `<=`."""

    low: str
    high: str
    strict: bool = False


@dataclass(frozen=True)
class Table:
    """`name` is `schema.table`, or plain in SQLite. `partitions` tell the values that fit each
    partition; `computed` columns must equal an expression; `arbiters` is false where a unique
    constraint is checked at the end, which ON CONFLICT cannot wait for."""

    name: str
    columns: tuple[Column, ...]
    foreign: tuple[ForeignKey, ...] = ()
    unique: tuple[Unique, ...] = ()
    primary: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    orders: tuple[Order, ...] = ()
    computed: Mapping[str, str] = field(default_factory=dict)
    partitions: tuple[Mapping[str, Facts], ...] = ()
    is_partitioned: bool = False
    arbiters: bool = True
    has_rows: bool = False

    def column(self, name: str) -> Column:
        return next(one for one in self.columns if one.name == name)

    @property
    def written(self) -> tuple[Column, ...]:
        """The columns that are written: the database makes the generated ones itself."""
        return tuple(one for one in self.columns if not one.generated)


@dataclass(frozen=True)
class Schema:
    engine: Literal["postgresql", "sqlite"]
    tables: tuple[Table, ...]

    def table(self, name: str) -> Table:
        return next(one for one in self.tables if one.name == name)
