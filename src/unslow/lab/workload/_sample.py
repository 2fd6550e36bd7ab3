"""Values that exist: reads rows of the clone, so that detail pages and filters hit something."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Protocol

import psycopg
from psycopg import sql

from unslow.model import Field, Model, Relation

Row = dict[str, str]

VARIED_ROWS = 300_000  # of a table, beyond which looking for unusual rows takes too long
VARIED_VALUES = 12  # the lowest of each column, NULL and the empty text first; and two highest
SAMPLED_ROWS = 40  # enough for distinct requests per endpoint and held-out ones


class Database(Protocol):
    """Where the clone is: `engine` is "postgresql" or "sqlite", `dsn` a URL or a file."""

    @property
    def engine(self) -> str: ...
    @property
    def dsn(self) -> str: ...


class Sampler:
    """Samples rows of models, in an order that depends on the keys alone.

    With `varied`, rows that are unusual in one of their columns come first.
    """

    def __init__(
        self,
        databases: Sequence[Database],
        models: Sequence[Model],
        limit: int = SAMPLED_ROWS,
        *,
        varied: bool = False,
    ) -> None:
        self.models = tuple(models)
        self._limit = limit
        self._varied = varied
        self._databases = tuple(databases)
        self._rows: dict[str, tuple[Row, ...]] = {}

    def model(self, label: str) -> Model | None:
        return next((model for model in self.models if model.label == label), None)

    def named(self, name: str) -> Model | None:
        """The model that a URL word means: `order`, `orders`, `order-items` or a table's name."""
        wanted = _singular(name)
        matches = [
            model
            for model in self.models
            if wanted in (_singular(model.name), _singular(model.table))
            or _singular(model.table).endswith("_" + wanted)
        ]
        exact = [model for model in matches if _singular(model.name) == wanted]
        return next(iter(exact or matches), None)

    def rows(self, model: Model) -> tuple[Row, ...]:
        """Up to `limit` rows as text by column; NULLs are left out of a row."""
        if model.label not in self._rows:
            self._rows[model.label] = tuple(self._read(model))
        return self._rows[model.label]

    def values(self, model: Model, field: str) -> tuple[str, ...]:
        """Distinct sampled values of a field, by its name or column; `pk` is the primary key."""
        found = self.field(model, field)
        if found is None:
            return ()
        return tuple(
            dict.fromkeys(row[found.column] for row in self.rows(model) if found.column in row)
        )

    def field(self, model: Model, name: str) -> Field | None:
        if name == "pk":
            return primary_key(model)
        return next((field for field in model.fields if name in (field.name, field.column)), None)

    def relation(self, model: Model, target: Model) -> Relation | None:
        """The foreign key of `model` that leads to `target`."""
        return next(
            (
                relation
                for relation in model.relations
                if relation.column
                and relation.model == target.label
                and relation.kind in ("forward", "one-to-one")
            ),
            None,
        )

    def _read(self, model: Model) -> Iterator[Row]:
        columns = tuple(dict.fromkeys(field.column for field in model.fields if field.column))
        key = primary_key(model)
        if not columns or key is None:
            return
        for database in self._databases:
            with contextlib.suppress(psycopg.Error, sqlite3.Error):
                read = _postgresql if database.engine == "postgresql" else _sqlite
                for values in read(
                    database.dsn, model.table, columns, key.column, self._limit, self._varied
                ):
                    yield {
                        column: value
                        for column, value in zip(columns, values, strict=True)
                        if value is not None
                    }
                return


def primary_key(model: Model) -> Field | None:
    return next((field for field in model.fields if field.primary_key), None)


def _postgresql(
    dsn: str, table: str, columns: Sequence[str], key: str, limit: int, varied: bool
) -> list[tuple[str | None, ...]]:
    query = sql.SQL("SELECT {} FROM {} ORDER BY md5({}::text) LIMIT {}").format(
        sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in columns),
        sql.Identifier(*table.split(".")),
        sql.Identifier(key),
        sql.Literal(limit),
    )
    options = "-c statement_timeout=20000"
    with psycopg.connect(dsn, options=options, autocommit=True) as connection:
        rows = connection.execute(query).fetchall()
        if varied and len(rows) > VARIED_VALUES:
            unusual = list(_unusual_keys(connection, table, columns, key))
            rows = [*_rows_of(connection, table, columns, key, unusual), *rows]
    return list(dict.fromkeys(rows))[:limit]


def _unusual_keys(
    connection: psycopg.Connection, table: str, columns: Sequence[str], key: str
) -> Iterator[str]:
    """Keys of rows with the lowest and the highest values of each column, as text."""
    name, key_name = sql.Identifier(*table.split(".")), sql.Identifier(key)
    count = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(name)).fetchone()
    for column in columns if count and count[0] <= VARIED_ROWS else ():
        query = sql.SQL(
            "(SELECT k FROM (SELECT DISTINCT ON ({c}) {c}, {k}::text AS k FROM {t} "
            "ORDER BY {c} NULLS FIRST, {k} LIMIT {n}) AS lowest) UNION ALL "
            "(SELECT {k}::text FROM {t} WHERE {c} IS NOT NULL ORDER BY {c} DESC, {k} LIMIT 2)"
        ).format(c=sql.Identifier(column), k=key_name, t=name, n=VARIED_VALUES)
        with contextlib.suppress(psycopg.Error):  # a type without an order
            yield from (row[0] for row in connection.execute(query).fetchall())


def _rows_of(
    connection: psycopg.Connection,
    table: str,
    columns: Sequence[str],
    key: str,
    keys: Sequence[str],
) -> list[tuple[str | None, ...]]:
    wanted = list(dict.fromkeys(keys))
    query = sql.SQL(
        "SELECT {} FROM {} WHERE {k}::text = ANY(%s) ORDER BY array_position(%s, {k}::text)"
    ).format(
        sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in columns),
        sql.Identifier(*table.split(".")),
        k=sql.Identifier(key),
    )
    return connection.execute(query, (wanted, wanted)).fetchall()


def _sqlite(
    path: str, table: str, columns: Sequence[str], key: str, limit: int, varied: bool
) -> list[tuple[str | None, ...]]:
    def quoted(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    selected = ", ".join(f"CAST({quoted(name)} AS TEXT)" for name in columns)
    query = (
        f"SELECT {selected} FROM {quoted(table)} "
        f"ORDER BY (rowid * 7919) % 1009, {quoted(key)} LIMIT {limit}"
    )
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        rows = connection.execute(query).fetchall()
        if varied and len(rows) > VARIED_VALUES:
            unusual: list[tuple[str | None, ...]] = []
            (count,) = connection.execute(f"SELECT count(*) FROM {quoted(table)}").fetchone()
            for column in map(quoted, columns if count <= VARIED_ROWS else ()):
                unusual += connection.execute(
                    f"SELECT {selected} FROM {quoted(table)} WHERE {quoted(key)} IN (SELECT k FROM "
                    f"(SELECT min({quoted(key)}) AS k, {column} AS c FROM {quoted(table)} "
                    f"GROUP BY c ORDER BY c LIMIT {VARIED_VALUES})) OR {quoted(key)} IN "
                    f"(SELECT {quoted(key)} FROM {quoted(table)} ORDER BY {column} DESC LIMIT 2)"
                ).fetchall()
            rows = [*unusual, *rows]
    return list(dict.fromkeys(rows))[:limit]


def _singular(name: str) -> str:
    word = name.lower().replace("-", "_").strip("_")
    if word.endswith("ies"):
        word = word[:-3] + "y"
    elif word.endswith(("sses", "xes", "ches", "shes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    return word.replace("_", "")
