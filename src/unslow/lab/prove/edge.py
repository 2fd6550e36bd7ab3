"""Edge data: NULLs, childless parents, one row, none, other users: where a careless patch shows."""

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import msgspec
import psycopg

from unslow.lab.prove.replay import tables_of
from unslow.lab.target import Database, Running
from unslow.lab.workload import Call
from unslow.model import Model, Relation, Request

OPTIONS = "-c statement_timeout=5000 -c lock_timeout=2000"
ANONYMOUS = "without a login"
MOST_DELETED_ROWS = 10_000  # of one table, to leave a single row
EVERY = 3  # every third row is changed, so that one page shows both kinds
_AUTHENTICATION = frozenset({"cookie", "authorization"})


@dataclass(frozen=True)
class Statement:
    """One change to the data of a clone, told by `what`."""

    what: str
    sql: str


@dataclass(frozen=True)
class Stage:
    """Data that the patched code must handle too. Each statement is tried alone."""

    name: str
    statements: tuple[Statement, ...]


def stages(models: Sequence[Model], requests: Sequence[Request], engine: str) -> tuple[Stage, ...]:
    """NULLs, then childless parents, one row, no rows, of the models that `requests` read.

    Tables that are only read row by row (the user's session) are not emptied.
    """
    statements = {query.shape for request in requests for query in request.queries}
    touched = [model for model in models if mentions(model.table, statements)]
    listed = tables_of(requests)
    empty = [model for model in touched if model.table.rpartition(".")[2] in listed]
    made = (
        Stage("with NULL foreign keys", tuple(_nulls(touched))),
        Stage("with parents that have no children", tuple(_childless(touched))),
        Stage("with one row", tuple(_single(empty, models))),
        Stage("with empty tables", tuple(_empty(empty, engine))),
    )
    return tuple(stage for stage in made if stage.statements)


def run(running: Running, stage: Stage) -> Stage:
    """Applies what can be applied to the clone and returns just that.

    A statement that the schema refuses (a constraint, a trigger) changes nothing.
    """
    done = tuple(one for one in stage.statements if _execute(running.databases, one.sql))
    return Stage(stage.name, done)


def _nulls(models: Sequence[Model]) -> Iterator[Statement]:
    for model in models:
        key = _key(model)
        for relation in _own_keys(model):
            if relation.null and key:
                yield Statement(
                    f"NULLs in {model.table}.{relation.column}",
                    f"UPDATE {_q(model.table)} SET {_q(relation.column)} = NULL "
                    f"WHERE {_q(key)} IN ({_every_third(model.table, key, 0)})",
                )


def _childless(models: Sequence[Model]) -> Iterator[Statement]:
    labels = {model.label: model for model in models}
    for model in models:
        for relation in _own_keys(model):
            parent = labels.get(relation.model)
            key = _key(parent) if parent else ""
            if parent is not None and parent is not model and key:
                remote = relation.remote_column or key
                yield Statement(
                    f"{parent.table} without {model.table}",
                    f"DELETE FROM {_q(model.table)} WHERE {_q(relation.column)} IN "
                    f"({_every_third(parent.table, key, 1, remote)})",
                )


def _single(listed: Sequence[Model], models: Sequence[Model]) -> Iterator[Statement]:
    """Leaves one row of each table, and of those that refer to it; children before parents.

    A parent keeps the rows that its children's last rows need.
    """
    for model in _children_first(listed, models):
        key = _key(model)
        if not key:
            continue
        table, column = _q(model.table), _q(key)
        for relation in _own_keys(model):
            if relation.model == model.label and relation.null:
                yield Statement(
                    f"no tree in {model.table}", f"UPDATE {table} SET {_q(relation.column)} = NULL"
                )
        needed = "".join(
            f" AND NOT EXISTS (SELECT 1 FROM {_q(child.table)} AS c WHERE "
            f"c.{_q(relation.column)} = {table}.{_q(relation.remote_column or key)})"
            for child in models
            for relation in _own_keys(child)
            if relation.model == model.label and child is not model
        )
        yield Statement(
            f"one row of {model.table}",
            f"DELETE FROM {table} WHERE {column} <> "
            f"(SELECT {column} FROM {table} ORDER BY {column} LIMIT 1)"
            f" AND (SELECT count(*) FROM {table}) <= {MOST_DELETED_ROWS}{needed}",
        )


def _children_first(listed: Sequence[Model], models: Sequence[Model]) -> list[Model]:
    """The listed models and all that refer to them, those first that nothing refers to."""
    wanted = list(listed)
    for model in wanted:  # grows while it is walked
        for child in models:
            parents = {relation.model for relation in _own_keys(child)}
            if model.label in parents and child not in wanted:
                wanted.append(child)
    ordered: list[Model] = []
    while wanted:
        free = [model for model in wanted if not _is_referred_to(model, wanted)] or wanted[:1]
        ordered += free
        wanted = [model for model in wanted if model not in free]
    return ordered


def _is_referred_to(model: Model, others: Sequence[Model]) -> bool:
    return any(
        relation.model == model.label
        for other in others
        if other is not model
        for relation in _own_keys(other)
    )


def _empty(models: Sequence[Model], engine: str) -> Iterator[Statement]:
    for model in models:
        table = _q(model.table)
        statement = f"DELETE FROM {table}" if engine == "sqlite" else f"TRUNCATE {table} CASCADE"
        yield Statement(f"no {model.table}", statement)


def _every_third(table: str, key: str, remainder: int, column: str = "") -> str:
    chosen = _q(column or key)
    return (
        f"SELECT {chosen} FROM (SELECT {chosen}, row_number() OVER (ORDER BY {_q(key)}) AS n "
        f"FROM {_q(table)}) AS numbered WHERE n % {EVERY} = {remainder}"
    )


def _own_keys(model: Model) -> Iterator[Relation]:
    for relation in model.relations:
        if relation.kind in ("forward", "one-to-one") and relation.column:
            yield relation


def _key(model: Model) -> str:
    keys = [field.column for field in model.fields if field.primary_key]
    return keys[0] if len(keys) == 1 else ""


def mentions(table: str, statements: Iterable[str]) -> bool:
    """Whether one of the statements names the table."""
    name = re.compile(rf'(?<![\w"]){re.escape(table)}(?!\w)|"{re.escape(table)}"')
    return any(name.search(statement) for statement in statements)


def _execute(databases: Sequence[Database], statement: str) -> bool:
    """Whether one of the databases took the statement. An error means that the data forbids it."""
    for database in databases:
        try:
            if database.engine == "postgresql":
                with psycopg.connect(database.dsn, options=OPTIONS) as connection:
                    connection.execute(statement.encode())
                return True
            if database.engine == "sqlite":
                with closing(sqlite3.connect(database.dsn, timeout=2)) as file, file:
                    file.execute("PRAGMA foreign_keys = ON")
                    file.execute(statement)
                return True
        except (psycopg.Error, sqlite3.Error):
            continue
    return False


def anonymous(call: Call) -> Call:
    """The call of a visitor who is not logged in."""
    kept = {k: v for k, v in call.headers.items() if k.lower() not in _AUTHENTICATION}
    return msgspec.structs.replace(call, headers=kept)


def _q(name: str) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))
