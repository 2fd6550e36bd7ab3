"""Reads the schema of a PostgreSQL database from its catalogue."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import psycopg

from unslow.lab.seeding import _checks
from unslow.lab.seeding.schema import (
    Check,
    Column,
    Facts,
    ForeignKey,
    Schema,
    Statistics,
    Table,
    Type,
    Unique,
)

Connection = psycopg.Connection
NUMERIC_SCALE_BITS = 0x7FF
HEADER = 4  # what the modifiers of varchar and numeric have added


@dataclass(frozen=True)
class _Domain:
    """A type as a column has it: without domains, and what the domains demanded."""

    type: Type
    not_null: bool = False
    conditions: tuple[str, ...] = ()


def read(connection: Connection) -> Schema:
    """The ordinary and partitioned tables that no extension owns. Raises `psycopg.Error`."""
    types = _Types(connection)
    columns = _columns(connection, types)
    foreign = _foreign(connection)
    unique, primary, arbiters = _unique(connection)
    checks = _checks_of(connection)
    partitions = _partitions(connection)
    tables = []
    for oid, name, is_partitioned, has_rows in connection.execute(TABLES).fetchall():
        table = Table(
            name=name,
            columns=tuple(columns[oid]),
            foreign=tuple(foreign[oid]),
            unique=tuple(unique[oid]),
            primary=primary.get(oid, ()),
            checks=tuple(checks[oid]),
            partitions=tuple(partitions[oid]),
            is_partitioned=is_partitioned,
            arbiters=oid not in arbiters,
            has_rows=has_rows,
        )
        tables.append(with_checks(table))
    return Schema("postgresql", tuple(_with_rows(connection, table) for table in tables))


def with_checks(table: Table) -> Table:
    """The table with what its checks say of its columns."""
    facts: defaultdict[str, Facts] = defaultdict(Facts)
    computed: dict[str, str] = {}
    orders = []
    for check in table.checks:
        reading = _checks.read(check.sql)
        for name, found in reading.facts.items():
            facts[name] &= found
        computed |= reading.computed
        orders += reading.orders
    columns = tuple(
        replace(column, facts=column.facts & facts.get(column.name, Facts()))
        for column in table.columns
    )
    return replace(table, columns=columns, orders=tuple(orders), computed=computed)


def _with_rows(connection: Connection, table: Table) -> Table:
    query = f"SELECT EXISTS (SELECT 1 FROM {quoted(table.name)})"
    row = connection.execute(query.encode()).fetchone()
    return replace(table, has_rows=bool(row and row[0]))


def quoted(name: str) -> str:
    """`schema.table` as SQL writes it."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split(".", 1))


class _Types:
    """Every type of the database, by its number."""

    def __init__(self, connection: Connection) -> None:
        self._rows = {row[0]: row[1:] for row in connection.execute(TYPES).fetchall()}
        self._labels: defaultdict[int, list[str]] = defaultdict(list)
        for oid, label in connection.execute(LABELS).fetchall():
            self._labels[oid].append(label)
        self._conditions: defaultdict[int, list[str]] = defaultdict(list)
        for oid, condition in connection.execute(DOMAIN_CHECKS).fetchall():
            self._conditions[oid].append(_condition(condition))
        self._parts: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for oid, part, modifier in connection.execute(PARTS).fetchall():
            self._parts[oid].append((part, modifier))

    def domain(self, oid: int, modifier: int) -> _Domain:
        _, kind, base, base_modifier, _, not_null, _, _ = self._rows[oid]
        if kind != "d":
            return _Domain(self.type(oid, modifier))
        inner = self.domain(base, base_modifier)
        conditions = (*inner.conditions, *self._conditions[oid])
        return _Domain(inner.type, inner.not_null or not_null, conditions)

    def type(self, oid: int, modifier: int = -1) -> Type:
        name, kind, _, _, element, _, range_of, sql = self._rows[oid]
        match kind:
            case "e":
                return Type(name, sql, "enum", labels=tuple(self._labels[oid]))
            case "r":
                return Type(name, sql, "range", element=self.domain(range_of, -1).type)
            case "m":
                return Type(name, sql, "multirange", element=self.domain(range_of, -1).type)
            case "c":
                parts = tuple(self.domain(*part).type for part in self._parts[oid])
                return Type(name, sql, "composite", parts=parts)
            case "d":
                return self.domain(oid, modifier).type
        if element:
            return Type(name, sql, "array", element=self.domain(element, modifier).type)
        return _with_modifier(Type(name, sql), modifier)


def _with_modifier(plain: Type, modifier: int) -> Type:
    if modifier < 0:
        # `char` without a length is one character; `bit` likewise.
        return replace(plain, length=1) if plain.name == "bit" else plain
    if plain.name in ("varchar", "bpchar"):
        return replace(plain, length=modifier - HEADER)
    if plain.name in ("bit", "varbit"):
        return replace(plain, length=modifier)
    if plain.name == "numeric":
        packed = modifier - HEADER
        scale = ((packed & NUMERIC_SCALE_BITS) ^ 1024) - 1024
        return replace(plain, precision=packed >> 16 & 0xFFFF, scale=scale)
    return plain


def _columns(connection: Connection, types: _Types) -> Mapping[int, list[Column]]:
    statistics = _statistics(connection)
    found: defaultdict[int, list[Column]] = defaultdict(list)
    for row in connection.execute(COLUMNS).fetchall():
        table, schema, table_name, name, oid, modifier, not_null, default, generated, sequence = row
        domain = types.domain(oid, modifier)
        facts = Facts()
        for condition in domain.conditions:
            facts &= _checks.read(condition).facts["value"]
        found[table].append(
            Column(
                name=name,
                type=domain.type,
                null=not (not_null or domain.not_null),
                has_default=bool(default) or bool(sequence),
                generated=default if generated else "",
                sequence=sequence or _next_of(default),
                domains=domain.conditions,
                facts=facts,
                statistics=statistics.get((schema, table_name, name)),
            )
        )
    return found


def _next_of(default: str) -> str:
    match = re.match(r"nextval\('(.+)'::regclass\)$", default)
    return match[1].replace("''", "'") if match else ""


def _statistics(connection: Connection) -> dict[tuple[str, str, str], Statistics]:
    return {
        (schema, table, column): Statistics(
            nulls=nulls or 0.0,
            common=tuple(common or ()),
            frequencies=tuple(shares or ()),
            bounds=tuple(bounds or ()),
            distinct=distinct or 0.0,
        )
        for schema, table, column, nulls, common, shares, bounds, distinct in connection.execute(
            STATISTICS
        ).fetchall()
        if None not in (common or ()) and None not in (bounds or ())
    }


def _foreign(connection: Connection) -> Mapping[int, list[ForeignKey]]:
    found: defaultdict[int, list[ForeignKey]] = defaultdict(list)
    for table, name, columns, parent, parent_columns, deferrable, full in connection.execute(
        FOREIGN
    ).fetchall():
        found[table].append(
            ForeignKey(name, tuple(columns), parent, tuple(parent_columns), deferrable, full)
        )
    return found


def _unique(
    connection: Connection,
) -> tuple[Mapping[int, list[Unique]], dict[int, tuple[str, ...]], set[int]]:
    """Plain unique indexes, primary keys, and tables whose uniqueness is checked late."""
    unique: defaultdict[int, list[Unique]] = defaultdict(list)
    primary: dict[int, tuple[str, ...]] = {}
    late: set[int] = set()
    version = connection.info.server_version
    query = UNIQUE if version >= 150000 else UNIQUE.replace("i.indnullsnotdistinct", "false")
    for table, name, columns, is_primary, immediate, plain, nulls_equal in connection.execute(
        query.encode()
    ).fetchall():
        if not immediate:
            late.add(table)
        if is_primary:
            primary[table] = tuple(columns)
        if plain:
            unique[table].append(Unique(name, tuple(columns), nulls_equal))
    return unique, primary, late


def _checks_of(connection: Connection) -> Mapping[int, list[Check]]:
    found: defaultdict[int, list[Check]] = defaultdict(list)
    for table, name, condition in connection.execute(CHECKS).fetchall():
        found[table].append(Check(name, _condition(condition)))
    return found


def _condition(definition: str) -> str:
    """`CHECK ((a > 0)) NOT VALID` without what is around the condition."""
    match = re.match(r"(?s)CHECK \((.*)\)(?: NO INHERIT| NOT VALID| NOT ENFORCED)*$", definition)
    return match[1] if match else definition


def _partitions(connection: Connection) -> Mapping[int, list[Mapping[str, Facts]]]:
    """What the values of each leaf partition are; a default partition says nothing."""
    found: defaultdict[int, list[Mapping[str, Facts]]] = defaultdict(list)
    for root, condition, is_default in connection.execute(PARTITIONS).fetchall():
        facts = {} if is_default else dict(_checks.read(condition or "true").facts)
        found[root].append(facts)
    return found


OWN = """
n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                AND d.objid = c.oid AND d.deptype = 'e')
"""

TABLES = f"""
SELECT c.oid, n.nspname || '.' || c.relname, c.relkind = 'p', false
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND {OWN}
  AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
ORDER BY n.nspname, c.relname
"""

TYPES = """
SELECT t.oid, t.typname, t.typtype::text, t.typbasetype, t.typtypmod,
       CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END, t.typnotnull,
       coalesce(r.rngsubtype, m.rngsubtype, 0), format_type(t.oid, -1)
FROM pg_type t LEFT JOIN pg_range r ON r.rngtypid = t.oid
LEFT JOIN pg_range m ON m.rngmultitypid = t.oid
"""

LABELS = "SELECT enumtypid, enumlabel FROM pg_enum ORDER BY enumtypid, enumsortorder"

DOMAIN_CHECKS = """
SELECT contypid, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contypid <> 0 AND contype = 'c' ORDER BY contypid, conname
"""

PARTS = """
SELECT t.oid, a.atttypid, a.atttypmod
FROM pg_type t JOIN pg_attribute a ON a.attrelid = t.typrelid
WHERE t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY t.oid, a.attnum
"""

COLUMNS = f"""
SELECT c.oid, n.nspname, c.relname, a.attname, a.atttypid, a.atttypmod, a.attnotnull,
       coalesce(pg_get_expr(e.adbin, e.adrelid), ''), a.attgenerated <> '',
       CASE WHEN a.attidentity <> ''
            THEN pg_get_serial_sequence(format('%I.%I', n.nspname, c.relname), a.attname)
            ELSE '' END
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef e ON e.adrelid = c.oid AND e.adnum = a.attnum
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND {OWN}
ORDER BY c.oid, a.attnum
"""

STATISTICS = """
SELECT schemaname, tablename, attname, null_frac, most_common_vals::text::text[],
       most_common_freqs, histogram_bounds::text::text[], n_distinct
FROM pg_stats WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
ORDER BY inherited
"""

NAMES = """
(SELECT array_agg(a.attname::text ORDER BY u.place)
 FROM unnest({numbers}) WITH ORDINALITY AS u(number, place)
 JOIN pg_attribute a ON a.attrelid = {table} AND a.attnum = u.number)
"""

FOREIGN = f"""
SELECT k.conrelid, k.conname, {NAMES.format(numbers="k.conkey", table="k.conrelid")},
       n.nspname || '.' || p.relname, {NAMES.format(numbers="k.confkey", table="k.confrelid")},
       k.condeferrable, k.confmatchtype = 'f'
FROM pg_constraint k JOIN pg_class p ON p.oid = k.confrelid
JOIN pg_namespace n ON n.oid = p.relnamespace
WHERE k.contype = 'f' AND NOT p.relispartition
ORDER BY k.conrelid, k.conname
"""

UNIQUE = f"""
SELECT i.indrelid, x.relname,
       {NAMES.format(numbers="(i.indkey::int2[])[0:i.indnkeyatts - 1]", table="i.indrelid")},
       i.indisprimary, i.indimmediate,
       i.indpred IS NULL AND i.indexprs IS NULL AND i.indisunique, i.indnullsnotdistinct
FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
WHERE i.indisunique OR i.indisexclusion
ORDER BY i.indrelid, i.indisprimary DESC, x.relname
"""

CHECKS = """
SELECT conrelid, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'c' AND conrelid <> 0 ORDER BY conrelid, conname
"""

PARTITIONS = """
SELECT t.root, pg_get_partition_constraintdef(t.leaf), t.is_default
FROM (SELECT c.oid AS root, p.relid AS leaf,
             pg_get_expr(l.relpartbound, l.oid) = 'DEFAULT' AS is_default
      FROM pg_class c, LATERAL pg_partition_tree(c.oid) p JOIN pg_class l ON l.oid = p.relid
      WHERE c.relkind = 'p' AND NOT c.relispartition AND p.isleaf AND p.level > 0) AS t
ORDER BY t.root, t.leaf
"""
