"""Reads what PostgreSQL knows of its tables: columns with their statistics, and their indexes."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Column:
    """`distinct` is a number of values, 0 when unknown; `common` and `bounds` are values as text,
    the most frequent ones and those that cut the rest into parts of equal size."""

    name: str
    type: str
    width: int
    distinct: float
    nulls: float
    common: tuple[str, ...]
    frequencies: tuple[float, ...]
    bounds: tuple[str, ...]
    is_ordered: bool  # by a B-tree


@dataclass(frozen=True)
class StandingIndex:
    """An index of the database. `keys` are its columns and expressions with their order, each
    with what else makes it different; `scans` is None where the server does not count."""

    name: str
    table: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    included: tuple[str, ...]
    method: str
    predicate: str
    definition: str
    bytes: int
    is_unique: bool
    is_needed: bool  # a constraint, an exclusion, a foreign key or the replication rests on it
    scans: int | None


@dataclass(frozen=True)
class Table:
    """`name` is quoted and qualified as SQL has to write it, `relation` is plain."""

    name: str
    schema: str
    relation: str
    rows: float
    bytes: int
    is_visible: bool  # without its schema
    columns: dict[str, Column] = field(hash=False, compare=False)
    indexes: tuple[StandingIndex, ...] = field(hash=False, compare=False)


@dataclass(frozen=True)
class Catalogue:
    tables: tuple[Table, ...]
    volatile: frozenset[str]  # functions whose calls may do something

    def table(self, relation: str, schema: str = "") -> Table | None:
        """The table that a statement means; None for a view, or what is no table."""
        for one in self.tables:
            if one.relation == relation and (one.schema == schema if schema else one.is_visible):
                return one
        return None

    def named(self, name: str) -> Table:
        return next(one for one in self.tables if one.name == name)


HARMLESS = frozenset({"random", "clock_timestamp", "statement_timestamp", "timeofday"})


def read(connection: Connection) -> Catalogue:
    """Read the catalogue; nothing else is touched. Raises `psycopg.Error`."""
    columns: defaultdict[int, dict[str, Column]] = defaultdict(dict)
    for table, name, *rest in connection.execute(COLUMNS).fetchall():
        columns[table][name] = _column(name, rest)
    indexes: defaultdict[int, list[StandingIndex]] = defaultdict(list)
    for oid, table, *rest in connection.execute(INDEXES).fetchall():
        keys, names, included = (tuple(part) for part in rest[1:4])
        indexes[oid].append(StandingIndex(rest[0], table, keys, names, included, *rest[4:]))
    tables = tuple(
        Table(name, schema, relation, rows, size, visible, columns[oid], tuple(indexes[oid]))
        for oid, name, schema, relation, rows, size, visible in connection.execute(
            TABLES
        ).fetchall()
    )
    volatile = {name for (name,) in connection.execute(VOLATILE).fetchall()}
    return Catalogue(tables, frozenset(volatile - HARMLESS))


def _column(name: str, rest: Sequence[Any]) -> Column:
    kind, width, distinct, nulls, common, frequencies, bounds, is_ordered = rest
    return Column(
        name,
        kind,
        width,
        distinct,
        nulls,
        _texts(common),
        tuple(float(one) for one in frequencies or ()),
        _texts(bounds),
        is_ordered,
    )


def _texts(values: Iterable[Any] | None) -> tuple[str, ...]:
    return tuple(str(one) for one in values or () if one is not None)


OWN = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'"

TABLES = f"""
SELECT c.oid, c.oid::regclass::text, n.nspname, c.relname,
       greatest(c.reltuples, pg_stat_get_live_tuples(c.oid), 0)::float8, pg_table_size(c.oid),
       pg_table_is_visible(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND NOT c.relispartition AND c.relpersistence <> 't' AND {OWN}
ORDER BY n.nspname, c.relname
"""

COLUMNS = f"""
SELECT c.oid, a.attname, format_type(a.atttypid, a.atttypmod),
       coalesce(s.avg_width, nullif(t.typlen, -1), 32)::int,
       CASE WHEN s.n_distinct >= 0 THEN s.n_distinct
            ELSE coalesce(-s.n_distinct * greatest(c.reltuples, 0), 0) END::float8,
       coalesce(s.null_frac, 0)::float8,
       s.most_common_vals::text::text[], s.most_common_freqs::float8[],
       s.histogram_bounds::text::text[],
       EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod AND m.amname = 'btree'
               WHERE o.opcdefault AND (o.opcintype = t.oid OR o.opcintype = t.typbasetype
                 OR t.typcategory = 'S' OR t.typtype = 'e'))
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname
  AND s.attname = a.attname AND NOT s.inherited
WHERE c.relkind IN ('r', 'm') AND NOT c.relispartition AND {OWN}
ORDER BY c.oid, a.attnum
"""

INDEXES = f"""
SELECT i.indrelid, i.indrelid::regclass::text, i.indexrelid::regclass::text,
       (SELECT coalesce(array_agg(concat_ws(' ', pg_get_indexdef(i.indexrelid, k, true),
                 i.indclass[k - 1], i.indcollation[k - 1], i.indoption[k - 1]) ORDER BY k), '{{}}')
        FROM generate_series(1, i.indnkeyatts) k),
       (SELECT coalesce(array_agg(coalesce(a.attname::text, '') ORDER BY k), '{{}}')
        FROM generate_series(1, i.indnkeyatts) k
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k - 1]),
       (SELECT coalesce(array_agg(a.attname::text ORDER BY k), '{{}}')
        FROM generate_series(i.indnkeyatts + 1, i.indnatts) k
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k - 1]),
       m.amname, coalesce(pg_get_expr(i.indpred, i.indrelid), ''),
       pg_get_indexdef(i.indexrelid), pg_relation_size(i.indexrelid), i.indisunique,
       i.indisprimary OR i.indisexclusion OR i.indisreplident OR i.indisclustered
         OR EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid),
       CASE WHEN current_setting('track_counts')::bool
            THEN coalesce(pg_stat_get_numscans(i.indexrelid), 0) END
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_am m ON m.oid = x.relam
JOIN pg_namespace n ON n.oid = x.relnamespace
WHERE i.indisvalid AND NOT c.relispartition AND c.relkind IN ('r', 'm') AND {OWN}
ORDER BY i.indrelid::regclass::text, x.relname
"""

VOLATILE = """
SELECT proname FROM pg_proc WHERE prokind IN ('f', 'p')
GROUP BY proname HAVING bool_or(provolatile = 'v')
"""
