"""Reads what is known of a PostgreSQL database from its own catalogue."""

import re
from collections import defaultdict
from collections.abc import Mapping

import psycopg

from unslow.lab.growth._quoting import quoted
from unslow.lab.growth.catalogue import (
    Catalogue,
    Check,
    Column,
    ForeignKey,
    Key,
    Kind,
    Table,
)

KINDS: Mapping[str, Kind] = {
    "int2": "integer",
    "int4": "integer",
    "int8": "integer",
    "numeric": "number",
    "float4": "number",
    "float8": "number",
    "text": "text",
    "varchar": "text",
    "bpchar": "text",
    "citext": "text",
    "uuid": "uuid",
    "timestamp": "time",
    "timestamptz": "time",
    "date": "date",
    "bytea": "bytes",
}
MOST = {"int2": 2**15 - 1, "int4": 2**31 - 1, "int8": 2**63 - 1}
LENGTHS = {"varchar", "bpchar"}
LENGTH_HEADER = 4  # what the modifiers of varchar and char have added


def read(connection: psycopg.Connection) -> Catalogue:
    """The ordinary and partitioned tables that no extension owns, with their number of rows.

    Raises `psycopg.Error`.
    """
    columns, sources = _columns(connection)
    keys = _keys(connection, sources)
    foreign: defaultdict[int, list[ForeignKey]] = defaultdict(list)
    for table, *row in connection.execute(FOREIGN).fetchall():
        name, own, parent, others, deferrable, validated = row
        foreign[table].append(
            ForeignKey(name, tuple(own), parent, tuple(others), deferrable, validated)
        )
    checks: defaultdict[int, list[Check]] = defaultdict(list)
    for table, name, definition in connection.execute(CHECKS).fetchall():
        checks[table].append(Check(name, _condition(definition)))
    return Catalogue(
        tuple(
            Table(
                name=name,
                columns=tuple(columns[oid]),
                keys=tuple(keys[oid]),
                foreign=tuple(foreign[oid]),
                checks=tuple(checks[oid]),
                inherits=tuple(inherits),
                is_partitioned=is_partitioned,
                partitioned_by=tuple(partitioned_by),
                rows=_rows(connection, name, is_partitioned),
            )
            for oid, name, is_partitioned, inherits, partitioned_by in connection.execute(
                TABLES
            ).fetchall()
        )
    )


def _rows(connection: psycopg.Connection, name: str, is_partitioned: bool) -> int:
    only = "" if is_partitioned else "ONLY "
    row = connection.execute(f"SELECT count(*) FROM {only}{quoted(name)}".encode()).fetchone()
    return int(row[0]) if row else 0


Generated = dict[tuple[int, str], str]  # the expression of a generated column


def _columns(connection: psycopg.Connection) -> tuple[Mapping[int, list[Column]], Generated]:
    found: defaultdict[int, list[Column]] = defaultdict(list)
    expressions: Generated = {}
    for row in connection.execute(COLUMNS).fetchall():
        table, name, type_, base, modifier, subtype, generated, sequence, default = row
        if generated:
            expressions[table, name] = default
        has_length = base in LENGTHS and modifier >= 0
        found[table].append(
            Column(
                name=name,
                type=type_,
                kind="range" if subtype else KINDS.get(base, ""),
                length=modifier - LENGTH_HEADER if has_length else None,
                most=MOST.get(base),
                element=KINDS.get(subtype, ""),
                generated=generated,
                sequence=sequence or _next_of(default),
            )
        )
    return found, expressions


def _next_of(default: str) -> str:
    match = re.match(r"nextval\('(.+)'::regclass\)$", default)
    return match[1].replace("''", "'") if match else ""


def _keys(connection: psycopg.Connection, generated: Generated) -> Mapping[int, list[Key]]:
    """Unique and exclusion constraints, with the columns that their expressions read."""
    found: defaultdict[int, list[Key]] = defaultdict(list)
    for table, name, primary, columns, texts, operators, names in connection.execute(
        KEYS
    ).fetchall():
        equal: list[str] = []
        apart: list[str] = []
        for column, text, operator in zip(
            columns, texts, operators or ["="] * len(columns), strict=False
        ):
            text = generated.get((table, column), "" if column else text)
            own = [column] if not text else [one for one in names if _mentions(text, one)]
            if operator == "=":
                equal += own
            elif operator == "&&":
                apart += own
        found[table].append(Key(name, tuple(dict.fromkeys(equal)), primary, tuple(apart)))
    return found


def _mentions(expression: str, column: str) -> bool:
    return (
        re.search(rf"(?<![\w\"]){re.escape(column)}(?![\w\"])|\"{re.escape(column)}\"", expression)
        is not None
    )


def _condition(definition: str) -> str:
    """`CHECK ((a > 0)) NOT VALID` without what is around the condition."""
    match = re.match(r"(?s)CHECK \((.*)\)(?: NO INHERIT| NOT VALID| NOT ENFORCED)*$", definition)
    return match[1] if match else definition


OWN = """
n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                AND d.objid = c.oid AND d.deptype = 'e')
"""

TABLES = f"""
SELECT c.oid, n.nspname || '.' || c.relname, c.relkind = 'p',
       ARRAY(SELECT pn.nspname || '.' || p.relname FROM pg_inherits h
             JOIN pg_class p ON p.oid = h.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace
             WHERE h.inhrelid = c.oid),
       ARRAY(SELECT a.attname::text FROM pg_partitioned_table t
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (t.partattrs::int2[])
             WHERE t.partrelid = c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {OWN} AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
ORDER BY n.nspname, c.relname
"""

COLUMNS = f"""
WITH RECURSIVE types (oid, base, modifier) AS (
    SELECT oid, oid, -1 FROM pg_type WHERE typtype <> 'd'
    UNION ALL
    SELECT d.oid, t.base, CASE WHEN d.typtypmod >= 0 THEN d.typtypmod ELSE t.modifier END
    FROM pg_type d JOIN types t ON d.typbasetype = t.oid WHERE d.typtype = 'd'
)
SELECT c.oid, a.attname, format_type(a.atttypid, a.atttypmod), b.typname,
       CASE WHEN a.atttypmod >= 0 THEN a.atttypmod ELSE t.modifier END,
       coalesce(s.typname, ''), a.attgenerated <> '',
       CASE WHEN a.attidentity <> ''
            THEN pg_get_serial_sequence(format('%I.%I', n.nspname, c.relname), a.attname)
            ELSE '' END,
       coalesce(pg_get_expr(e.adbin, e.adrelid), '')
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN types t ON t.oid = a.atttypid
JOIN pg_type b ON b.oid = t.base
LEFT JOIN pg_range r ON r.rngtypid = b.oid
LEFT JOIN pg_type s ON s.oid = r.rngsubtype
LEFT JOIN pg_attrdef e ON e.adrelid = c.oid AND e.adnum = a.attnum
WHERE {OWN}
ORDER BY c.oid, a.attnum
"""

KEYS = """
SELECT i.indrelid, x.relname, i.indisprimary,
       ARRAY(SELECT coalesce(a.attname::text, '')
             FROM generate_series(0, i.indnkeyatts - 1) AS p(place)
             LEFT JOIN pg_attribute a
               ON a.attrelid = i.indrelid AND a.attnum = i.indkey[p.place] AND a.attnum > 0
             ORDER BY p.place),
       ARRAY(SELECT pg_get_indexdef(i.indexrelid, p.place, true)
             FROM generate_series(1, i.indnkeyatts) AS p(place) ORDER BY p.place),
       (SELECT array_agg(o.oprname::text ORDER BY u.place)
        FROM pg_constraint k, unnest(k.conexclop) WITH ORDINALITY AS u(operator, place)
        JOIN pg_operator o ON o.oid = u.operator
        WHERE k.conindid = i.indexrelid AND k.contype = 'x'),
       ARRAY(SELECT a.attname::text FROM pg_attribute a
             WHERE a.attrelid = i.indrelid AND a.attnum > 0 AND NOT a.attisdropped
             ORDER BY a.attnum)
FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
WHERE (i.indisunique OR i.indisexclusion) AND i.indislive
ORDER BY i.indrelid, i.indisprimary DESC, x.relname
"""

NAMES = """
(SELECT array_agg(a.attname::text ORDER BY u.place)
 FROM unnest({numbers}) WITH ORDINALITY AS u(number, place)
 JOIN pg_attribute a ON a.attrelid = {table} AND a.attnum = u.number)
"""

FOREIGN = f"""
SELECT k.conrelid, k.conname, {NAMES.format(numbers="k.conkey", table="k.conrelid")},
       n.nspname || '.' || p.relname, {NAMES.format(numbers="k.confkey", table="k.confrelid")},
       k.condeferrable, k.convalidated
FROM pg_constraint k JOIN pg_class p ON p.oid = k.confrelid
JOIN pg_namespace n ON n.oid = p.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0 AND NOT p.relispartition
ORDER BY k.conrelid, k.conname
"""

CHECKS = """
SELECT conrelid, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'c' AND conrelid <> 0 ORDER BY conrelid, conname
"""
