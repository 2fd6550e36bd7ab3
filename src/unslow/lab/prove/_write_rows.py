"""Rows to write for a measurement: the table's own again, under keys that are still free."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from random import Random

import psycopg

from unslow.lab.prove._stand import Connection, Stand, raise_if_ended

ROWS = 200  # per measured statement
PAGES = 100  # in which room is made for updated rows
ROWS_PER_PAGE = 4  # of each such page, as many are moved away as are updated later
PLANNING = ("SET LOCAL enable_hashjoin = off", "SET LOCAL enable_mergejoin = off")
"""The rows to update are found by their place, not by reading the table."""


class Unwritable(Exception):
    """The table's rows cannot be written again; the message says why."""


@dataclass(frozen=True)
class Column:
    """`type` as in SQL; `name` is quoted where it stands in SQL, plain here."""

    name: str
    type: str
    base: str
    category: str
    is_generated: bool
    is_identity: bool  # always the database's own number
    is_foreign_key: bool

    @property
    def quoted(self) -> str:
        return _quoted(self.name)


@dataclass(frozen=True)
class Table:
    """A table some of whose rows are at hand in the table `sample`. `unique` holds the columns of
    each unique index, `key` those of the primary one; `places` are rows in pages that have room."""

    name: str
    oid: int
    rows: int
    columns: tuple[Column, ...]
    unique: tuple[tuple[str, ...], ...]
    places: tuple[str, ...] = ()
    sample: str = ""
    key: tuple[str, ...] = ()

    @property
    def writable(self) -> frozenset[str]:
        return frozenset(
            one.name for one in self.columns if not (one.is_generated or one.is_identity)
        )

    def column(self, name: str) -> Column:
        return next(one for one in self.columns if one.name == name)


@dataclass(frozen=True)
class Writing:
    """A statement to measure, and those to run in its transaction first."""

    statement: str
    first: tuple[str, ...] = ()


def prepare(stand: Stand, name: str, random: Random) -> Table:
    """Make room in some pages and put a sample of rows aside, once per session and table.

    Raises Unwritable when the table is empty, `psycopg.Error` when it may not be read.
    """
    if name not in stand.prepared:
        stand.prepared[name] = _prepared(stand.connection, name, random, len(stand.prepared))
    found: Table = stand.prepared[name]
    return found


def _prepared(connection: Connection, name: str, random: Random, number: int) -> Table:
    row = connection.execute(SIZE, [name]).fetchone()
    assert row is not None
    oid, count, pages = row
    places = _make_room(connection, name, pages, random)
    sample = f"pg_temp.unslow_sample_{number}"
    percent = min(100.0, 100.0 * 4 * ROWS / max(count, 1))
    connection.execute(
        f"CREATE TEMP TABLE unslow_sample_{number} AS SELECT * FROM (SELECT ctid AS unslow_place, "
        f"* FROM {name} TABLESAMPLE BERNOULLI ({percent})) AS sampled "
        f"ORDER BY random() LIMIT {ROWS}".encode()
    )
    found = connection.execute(f"SELECT count(*) FROM {sample}".encode()).fetchone()
    if found is None or not found[0]:
        raise Unwritable("the table is empty")
    connection.execute(f"ANALYZE {sample}".encode())
    columns, unique = _columns(connection, oid), _unique(connection, oid)
    key = connection.execute(KEY, [oid]).fetchall()
    names = tuple(column for (column,) in key)
    return Table(name, oid, count, columns, unique, places, sample, names)


def tidy(connection: Connection, table: Table) -> None:
    """Give back the room of rolled-back rows."""
    with contextlib.suppress(psycopg.Error):
        connection.execute(f"VACUUM (TRUNCATE off) {table.name}".encode())


def insertion(table: Table) -> Writing | None:
    """The sample again, under fresh keys; None when a unique index has no column for one."""
    fresh = _fresh_columns(table)
    if fresh is None:
        return None
    own = [one for one in table.columns if not one.is_generated]
    values = [fresh.get(one.name, f"s.{one.quoted}") for one in own]
    return Writing(
        f"INSERT INTO {table.name} ({', '.join(one.quoted for one in own)}) "
        f"OVERRIDING SYSTEM VALUE SELECT {', '.join(values)} "
        f"FROM (SELECT *, row_number() OVER () AS unslow_n FROM {table.sample}) AS s"
    )


def reinsertion(table: Table) -> Writing:
    """The sample deleted and inserted again in one transaction: for keys made of foreign ones."""
    own = [one.quoted for one in table.columns if not one.is_generated]
    delete = (
        f"DELETE FROM {table.name} AS t USING {table.sample} AS s WHERE t.ctid = s.unslow_place"
    )
    return Writing(
        f"INSERT INTO {table.name} ({', '.join(own)}) OVERRIDING SYSTEM VALUE "
        f"SELECT {', '.join(own)} FROM {table.sample}",
        ("SET CONSTRAINTS ALL DEFERRED", delete),
    )


def update(connection: Connection, table: Table, columns: Sequence[str]) -> Writing:
    """Other rows' values for `columns`, in rows whose pages have room; fresh ones where they are
    unique. Raises `psycopg.Error` where such values cannot be made."""
    unique = {name for index in table.unique for name in index}
    values = [
        f"{_changed(table, table.column(name), name in unique)} AS {_new(number)}"
        for number, name in enumerate(columns)
    ]
    key = blake2b(repr((table.name, columns)).encode(), digest_size=6).hexdigest()
    aside = f"unslow_change_{key}"
    connection.execute(f"DROP TABLE IF EXISTS pg_temp.{aside}".encode())
    connection.execute(
        f"CREATE TEMP TABLE {aside} AS SELECT t.unslow_place, {', '.join(values)} "
        f"FROM (SELECT *, ctid AS unslow_place, row_number() OVER () AS unslow_n "
        f"FROM {table.name} WHERE ctid = ANY({_array(table.places)})) AS t".encode()
    )
    connection.execute(f"ANALYZE pg_temp.{aside}".encode())
    assigned = (f"{_quoted(name)} = c.{_new(number)}" for number, name in enumerate(columns))
    return Writing(
        f"UPDATE {table.name} AS t SET {', '.join(assigned)} FROM pg_temp.{aside} AS c "
        "WHERE t.ctid = c.unslow_place"
    )


def columns_of_index(connection: Connection, name: str) -> tuple[str, ...]:
    """The columns that an index depends on, those of its expressions and predicate included."""
    rows = connection.execute(DEPENDS, [name]).fetchall()
    return tuple(column for (column,) in rows)


def _make_room(connection: Connection, name: str, pages: int, random: Random) -> tuple[str, ...]:
    """Move some rows of random pages elsewhere; the places of their neighbours.

    In a freshly copied table every page is full, so that no update could stay in its page: HOT
    updates would not be seen, with or without an index.
    """
    chosen = sorted(random.sample(range(pages), min(pages, PAGES)))
    moved = [f"({page},{2 * n + 1})" for page in chosen for n in range(ROWS_PER_PAGE)]
    neighbours = [f"({page},{2 * n + 2})" for page in chosen for n in range(ROWS_PER_PAGE)]
    first = connection.execute(FIRST_COLUMN, [name]).fetchone()
    if first is None:
        return ()
    column = _quoted(first[0])
    try:
        connection.execute(
            f"UPDATE {name} SET {column} = {column} WHERE ctid = ANY({_array(moved)})".encode()
        )
        connection.execute(f"VACUUM (TRUNCATE off) {name}".encode())
    except psycopg.Error as error:
        raise_if_ended(connection, error)  # a trigger that refuses: the pages stay full
    return tuple(neighbours)


def _fresh_columns(table: Table) -> dict[str, str] | None:
    """An expression for a column of every unique index that makes its rows new."""
    fresh: dict[str, str] = {}
    for index in table.unique:
        if fresh.keys() & set(index):
            continue
        columns = [table.column(name) for name in index]
        made = ((one, _fresh(table, one, "s")) for one in columns if not one.is_foreign_key)
        chosen = next(((one, value) for one, value in made if value), None)
        if chosen is None:
            return None
        fresh[chosen[0].name] = chosen[1]
    return fresh


def _fresh(table: Table, column: Column, row: str) -> str:
    """A value that no row has; "" for types that it cannot be made of."""
    number, own = f"{row}.unslow_n", f"{row}.{column.quoted}"
    largest = f"(SELECT max({column.quoted}) FROM {table.name})"
    match column.base, column.category:
        case ("int4" | "int8" | "numeric" | "date", _):
            return f"({largest} + {number})::{column.type}"
        case ("timestamp" | "timestamptz", _):
            return f"{largest} + {number} * interval '1 second'"
        case ("uuid", _):
            return "gen_random_uuid()"
        case ("bytea", _):
            return f"decode(md5({number}::text), 'hex')"
        case (_, "S"):
            end = f"substr(md5({number}::text || 'unslow'), 1, 8)"
            return f"(left({own}, greatest(length({own}) - 8, 0)) || {end})::{column.type}"
    return ""


def _changed(table: Table, column: Column, is_unique: bool) -> str:
    """Another value for the column of a row `t`."""
    if is_unique and (fresh := _fresh(table, column, "t")):
        return fresh
    own = f"t.{column.quoted}"
    other = (
        f"(SELECT o.{column.quoted} FROM {table.sample} AS o WHERE o.{column.quoted}::text "
        f"IS DISTINCT FROM {own}::text ORDER BY random() LIMIT 1)"
    )
    return f"coalesce({', '.join(part for part in (other, _next(column, own), own) if part)})"


def _next(column: Column, own: str) -> str:
    """A neighbouring value, where all rows have the same one."""
    if column.is_foreign_key:
        return ""
    match column.category:
        case "N":
            return f"({own} + 1)::{column.type}"
        case "B":
            return f"NOT {own}"
        case "S":
            letter = "chr(97 + (t.unslow_n % 26)::int)"
            return f"(left({own}, greatest(length({own}) - 1, 0)) || {letter})::{column.type}"
        case "D" if column.base in ("timestamp", "timestamptz"):
            return f"{own} + interval '1 second'"
    return ""


def _columns(connection: Connection, oid: int) -> tuple[Column, ...]:
    return tuple(Column(*row) for row in connection.execute(COLUMNS, [oid]).fetchall())


def _unique(connection: Connection, oid: int) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(names) for (names,) in connection.execute(UNIQUE, [oid]).fetchall())


def _array(places: Sequence[str]) -> str:
    return "ARRAY[" + ", ".join(f"'{place}'" for place in places) + "]::tid[]"


def _new(number: int) -> str:
    return f"unslow_new_{number}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


SIZE = """
SELECT oid::bigint, greatest(reltuples, pg_stat_get_live_tuples(oid), 0)::bigint,
       (pg_relation_size(oid) / current_setting('block_size')::int)::int
FROM pg_class WHERE oid = %s::regclass
"""

FIRST_COLUMN = """
SELECT attname FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
  AND attidentity <> 'a'
ORDER BY attnum LIMIT 1
"""

COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), t.typname, t.typcategory::text,
       a.attgenerated <> '', a.attidentity = 'a',
       EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'f'
               AND a.attnum = ANY(k.conkey))
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""

UNIQUE = """
SELECT (SELECT array_agg(DISTINCT a.attname::text)
        FROM pg_attribute a
        WHERE a.attrelid = i.indrelid AND a.attnum > 0
          AND (a.attnum = ANY(i.indkey::int2[])
               OR EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = i.indexrelid
                          AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum)))
FROM pg_index i WHERE i.indrelid = %s AND i.indisunique
ORDER BY i.indisprimary DESC, i.indexrelid
"""

KEY = """
SELECT a.attname FROM pg_index i
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey::int2[])
WHERE i.indrelid = %s AND i.indisprimary
"""

DEPENDS = """
SELECT a.attname FROM pg_index i
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum > 0
WHERE i.indexrelid = %s::regclass
  AND (a.attnum = ANY(i.indkey::int2[])
       OR EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = i.indexrelid
                  AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum))
ORDER BY a.attnum
"""
