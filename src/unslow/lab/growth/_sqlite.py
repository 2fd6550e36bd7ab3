"""Copies the rows of a SQLite database."""

import contextlib
import hashlib
import re
import sqlite3
from collections.abc import Iterator

from unslow.lab.growth import _shifts
from unslow.lab.growth._copies import Attempt, Ground, selected
from unslow.lab.growth._growing import Places, Refused
from unslow.lab.growth._quoting import quoted_column as quoted
from unslow.lab.growth._shifts import Texts
from unslow.lab.growth.catalogue import Catalogue, Column, ForeignKey, Key, Kind, Table

MOST = 2**63 - 1
VIRTUAL = 2, 3  # what table_xinfo calls a generated column
LENGTH = re.compile(r"\((\d+)\)")
REFUSAL = re.compile(r"^(UNIQUE|CHECK|NOT NULL|FOREIGN KEY) constraint failed:? ?(.*)$")
TABLES = """
SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name
"""


class SqliteStore:
    """One connection in autocommit, to a file that nobody else writes."""

    is_free = True

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Raises `sqlite3.Error`."""
        self._connection = connection
        self._depth = 0
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.create_function("md5", 1, _md5, deterministic=True)
        connection.create_function("matches", 2, _matches, deterministic=True)
        self.catalogue = _catalogue(connection)

    @contextlib.contextmanager
    def without_triggers(self) -> Iterator[None]:
        rows = self._connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        for name, _ in rows:
            self._connection.execute(f"DROP TRIGGER {quoted(name)}")
        yield
        for _, statement in rows:
            self._connection.execute(statement)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        name = f"unslow_{self._depth}"
        self._connection.execute(f"SAVEPOINT {name}")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._connection.execute(f"ROLLBACK TO {name}")
            raise
        finally:
            self._depth -= 1
            self._connection.execute(f"RELEASE {name}")

    def quiet(self, table: Table) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def defer(self, table: Table, key: ForeignKey) -> None:
        """Nothing is checked before the end."""

    def settle(self) -> None:
        """Nothing was deferred."""

    def insert(self, table: Table, ground: Ground, attempt: Attempt) -> int:
        numbers = (
            "WITH RECURSIVE numbers(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM numbers "
            f"WHERE k < {ground.factor - 1}) SELECT k, k + {ground.first - 1} AS n FROM numbers"
        )
        source = f"FROM ({numbers}) AS copies CROSS JOIN {quoted(table.name)} AS t"
        names, query = selected(table, ground, attempt, _shifts.sqlite, source)
        ignoring = " OR IGNORE" if attempt.skip_conflicts else ""
        try:
            return self._connection.execute(
                f"INSERT{ignoring} INTO {quoted(table.name)} ({names}) {query}"
            ).rowcount
        except sqlite3.IntegrityError as error:
            match = REFUSAL.match(str(error))
            if match and match[1] == "UNIQUE":
                raise Refused(str(error), "conflict") from error
            if match and match[1] == "CHECK":
                raise Refused(str(error), "check") from error
            raise Refused(str(error)) from error
        except sqlite3.Error as error:
            raise Refused(str(error)) from error

    def holds(self, table: Table, key: ForeignKey) -> bool:
        present = " AND ".join(f"c.{quoted(one)} IS NOT NULL" for one in key.columns)
        pairs = " AND ".join(
            f"p.{quoted(there)} = c.{quoted(here)}"
            for here, there in zip(key.columns, key.parent_columns, strict=True)
        )
        orphan = self._connection.execute(
            f"SELECT 1 FROM {quoted(table.name)} AS c WHERE {present} AND NOT EXISTS "
            f"(SELECT 1 FROM {quoted(key.parent)} AS p WHERE {pairs}) LIMIT 1"
        ).fetchone()
        return orphan is None

    def ends(self, places: Places) -> list[int]:
        found: list[int] = []
        for table, column in places:
            name = quoted(column.name)
            row = self._connection.execute(
                f"SELECT min({name}), max({name}) FROM {quoted(table.name)} "
                f"WHERE typeof({name}) IN ('integer', 'real')"
            ).fetchone()
            found += [int(one) for one in row if one is not None]
        return found

    def texts(self, places: Places) -> Texts:
        rows = []
        for table, column in places:
            query = TEXTS.replace("{}", quoted(column.name))
            row = self._connection.execute(f"SELECT {query} FROM {quoted(table.name)}").fetchone()
            if row[0] is not None:
                rows.append(row)
        return _shifts.texts(rows, [column for _, column in places])

    def move_sequences(self, table: Table) -> None:
        """SQLite does so itself."""


TEXTS = """
min(matches('^[0-9]{1,18}$', {})), min(matches('^[0-9a-f]{16,}$', {})),
min(matches('^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$', {})),
min(instr({}, '@') > 1), max(length({})),
max(CASE WHEN matches('^[0-9]{1,18}$', {}) THEN CAST({} AS INTEGER) END)
"""


def _md5(text: object) -> str | None:
    if text is None:
        return None
    return hashlib.md5(str(text).encode(), usedforsecurity=False).hexdigest()


def _matches(pattern: str, text: object) -> bool | None:
    return None if text is None else re.search(pattern, str(text)) is not None


def _catalogue(connection: sqlite3.Connection) -> Catalogue:
    names = [name for (name,) in connection.execute(TABLES).fetchall()]
    return Catalogue(tuple(_table(connection, name) for name in names))


def _table(connection: sqlite3.Connection, name: str) -> Table:
    info = connection.execute(f"PRAGMA table_xinfo({quoted(name)})").fetchall()
    primary = [row[1] for row in sorted(info, key=lambda row: row[5]) if row[5]]
    (count,) = connection.execute(f"SELECT count(*) FROM {quoted(name)}").fetchone()
    keys = [Key(f"the primary key of {name}", tuple(primary), True)] if primary else []
    columns = tuple(_column(row, primary) for row in info)
    return Table(
        name=name,
        columns=columns,
        keys=(*keys, *_unique(connection, name, [one.name for one in columns])),
        foreign=tuple(_foreign(connection, name)),
        rows=count,
    )


def _column(row: tuple[int, str, str, int, object, int, int], primary: list[str]) -> Column:
    _, name, declared, _, _, _, hidden = row
    kind = _kind(declared.upper())
    length = LENGTH.search(declared)
    is_key = primary == [name] and declared.upper() == "INTEGER"
    return Column(
        name=name,
        type=declared,
        kind=kind,
        length=int(length[1]) if length and kind == "text" else None,
        most=MOST if kind == "integer" else None,
        generated=hidden in VIRTUAL,
        sequence="rowid" if is_key else "",
    )


def _kind(declared: str) -> Kind:
    """By SQLite's own rules of affinity; what is kept as a text of a time is left alone."""
    if "BOOL" in declared or "DATE" in declared or "TIME" in declared:
        return ""
    if "INT" in declared:
        return "integer"
    if any(word in declared for word in ("CHAR", "TEXT", "CLOB", "UUID")):
        return "text"
    if any(word in declared for word in ("REAL", "FLOA", "DOUB", "DEC", "NUM")):
        return "number"
    return ""


def _unique(connection: sqlite3.Connection, table: str, names: list[str]) -> Iterator[Key]:
    for _, index, is_unique, made_by, _ in connection.execute(
        f"PRAGMA index_list({quoted(table)})"
    ).fetchall():
        if not is_unique or made_by == "pk":
            continue
        parts = connection.execute(f"PRAGMA index_info({quoted(index)})").fetchall()
        columns = [name for _, _, name in parts if name]
        if len(columns) < len(parts):
            row = connection.execute(
                "SELECT sql FROM sqlite_master WHERE name = ?", [index]
            ).fetchone()
            text = str(row[0]).partition("(")[2] if row else ""
            columns += [one for one in names if re.search(rf"\b{re.escape(one)}\b", text)]
        if columns:
            yield Key(index, tuple(dict.fromkeys(columns)))


def _foreign(connection: sqlite3.Connection, table: str) -> Iterator[ForeignKey]:
    grouped: dict[int, list[tuple[str, str, str | None]]] = {}
    for number, _, parent, own, other, *_ in connection.execute(
        f"PRAGMA foreign_key_list({quoted(table)})"
    ).fetchall():
        grouped.setdefault(number, []).append((parent, own, other))
    for parts in grouped.values():
        parent = parts[0][0]
        others = [other for _, _, other in parts if other]
        if not others:
            info = connection.execute(f"PRAGMA table_info({quoted(parent)})").fetchall()
            others = [row[1] for row in sorted(info, key=lambda row: row[5]) if row[5]]
        own = tuple(column for _, column, _ in parts)
        if len(others) == len(own):
            yield ForeignKey(f"{table}.{','.join(own)}", own, parent, tuple(others))
