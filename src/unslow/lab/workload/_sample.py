"""Values that exist: reads rows of the clone, so that detail pages and filters hit something."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Protocol

import psycopg
from psycopg import sql

from unslow.model import Field, Model, Relation

Row = dict[str, str]

SAMPLED_ROWS = 40  # enough for distinct requests per endpoint and held-out ones


class Database(Protocol):
    """Where the clone is: `engine` is "postgresql" or "sqlite", `dsn` a URL or a file."""

    @property
    def engine(self) -> str: ...
    @property
    def dsn(self) -> str: ...


class Sampler:
    """Samples rows of models, in an order that depends on the keys alone."""

    def __init__(
        self, databases: Sequence[Database], models: Sequence[Model], limit: int = SAMPLED_ROWS
    ) -> None:
        self.models = tuple(models)
        self._limit = limit
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
                for values in read(database.dsn, model.table, columns, key.column, self._limit):
                    yield {
                        column: value
                        for column, value in zip(columns, values, strict=True)
                        if value is not None
                    }
                return


def primary_key(model: Model) -> Field | None:
    return next((field for field in model.fields if field.primary_key), None)


def _postgresql(
    dsn: str, table: str, columns: Sequence[str], key: str, limit: int
) -> list[tuple[str | None, ...]]:
    query = sql.SQL("SELECT {} FROM {} ORDER BY md5({}::text) LIMIT {}").format(
        sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in columns),
        sql.Identifier(*table.split(".")),
        sql.Identifier(key),
        sql.Literal(limit),
    )
    with psycopg.connect(dsn, options="-c statement_timeout=20000") as connection:
        return connection.execute(query).fetchall()


def _sqlite(
    path: str, table: str, columns: Sequence[str], key: str, limit: int
) -> list[tuple[str | None, ...]]:
    def quoted(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    selected = ", ".join(f"CAST({quoted(name)} AS TEXT)" for name in columns)
    query = (
        f"SELECT {selected} FROM {quoted(table)} "
        f"ORDER BY (rowid * 7919) % 1009, {quoted(key)} LIMIT {limit}"
    )
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def _singular(name: str) -> str:
    word = name.lower().replace("-", "_").strip("_")
    if word.endswith("ies"):
        word = word[:-3] + "y"
    elif word.endswith(("sses", "xes", "ches", "shes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    return word.replace("_", "")
