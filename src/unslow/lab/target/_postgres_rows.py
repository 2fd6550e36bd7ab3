"""Reads what a PostgreSQL clone holds: its tables, and a hash of their rows."""

from collections.abc import Sequence

import psycopg
from psycopg import sql

TABLES = """
    SELECT n.nspname, c.relname,
           coalesce(array_agg(a.attname ORDER BY a.attnum) FILTER (WHERE a.attnum > 0), '{}')
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
    GROUP BY 1, 2 ORDER BY 1, 2
"""
HASH = sql.SQL("SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM {} t")


def tables(dsn: str) -> dict[str, tuple[str, ...]]:
    """The columns of every ordinary table, by `schema.table`; system schemas left out."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(TABLES).fetchall()
    return {f"{schema}.{table}": tuple(columns) for schema, table, columns in rows}


def table_hashes(dsn: str) -> dict[str, str]:
    """Per table: the number of rows and the sum of a 64-bit hash of each, in any order."""
    with psycopg.connect(dsn) as connection:
        found = [(schema, table) for schema, table, _ in connection.execute(TABLES).fetchall()]
        hashes = {}
        for schema, table in found:
            row = connection.execute(HASH.format(sql.Identifier(schema, table))).fetchone()
            hashes[f"{schema}.{table}"] = ":".join(map(str, row or ()))
    return hashes


def is_empty(dsn: str, names: Sequence[str]) -> bool:
    """Whether none of these tables (`schema.table`) holds a row."""
    with psycopg.connect(dsn) as connection:
        for name in names:
            query = sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(*name.split(".", 1)))
            if connection.execute(query).fetchone():
                return False
    return True
