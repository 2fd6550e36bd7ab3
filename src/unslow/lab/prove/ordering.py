"""Finds lists whose order nothing promises: the same rows, stored in another order."""

import contextlib
from collections.abc import Iterator, Sequence

import psycopg
from psycopg import sql

from unslow.lab.target import Database

OPTIONS = "-c statement_timeout=20000 -c lock_timeout=5000"
MOST_BYTES = 1 << 30  # of a table that is rewritten

# Ordinary tables of a bearable size, with the columns of their primary key as text.
_TABLES = """
    SELECT n.nspname, c.relname, array_agg(a.attname ORDER BY a.attnum)
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
    WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\\_%%' AND n.nspname <> 'information_schema'
      AND pg_relation_size(c.oid) BETWEEN 1 AND %s
    GROUP BY 1, 2 ORDER BY 1, 2
"""
_INDEX = "unslow_other_order"


def shuffle(databases: Sequence[Database]) -> bool:
    """Stores the rows of a clone in another order, by a digest of their keys.

    What has an order keeps it, in SQL and in Python; ties and lists without one show. False where
    no table could be rewritten: SQLite keeps rows by their key.
    """
    done = False
    for database in databases:
        if database.engine == "postgresql":
            with contextlib.suppress(psycopg.Error):
                done |= any(list(_rewritten(database.dsn)))
    return done


def _rewritten(dsn: str) -> Iterator[bool]:
    with psycopg.connect(dsn, autocommit=True, options=OPTIONS) as connection:
        for schema, table, columns in connection.execute(_TABLES, (MOST_BYTES,)).fetchall():
            yield _rewrite(connection, sql.Identifier(schema, table), columns)


def _rewrite(connection: psycopg.Connection, table: sql.Identifier, columns: Sequence[str]) -> bool:
    key = sql.SQL(" || ").join(sql.SQL("{}::text").format(sql.Identifier(c)) for c in columns)
    statements = (
        sql.SQL("CREATE INDEX {} ON {} (md5({}))").format(sql.Identifier(_INDEX), table, key),
        sql.SQL("CLUSTER {} USING {}").format(table, sql.Identifier(_INDEX)),
    )
    try:
        with connection.transaction():
            for statement in statements:
                connection.execute(statement)
            schema = table._obj[0]
            connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(str(schema), _INDEX)))
            connection.execute(sql.SQL("ANALYZE {}").format(table))
    except psycopg.Error:
        return False  # a key whose text depends on settings, a table that is not ours
    return True
