"""Reads the schema of a PostgreSQL database from its catalogue."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import psycopg

from unslow.lab.seeding import _catalogue, _checks
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
    for oid, name, is_partitioned, has_rows in connection.execute(_catalogue.TABLES).fetchall():
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
        query = _catalogue.TYPES
        if connection.info.server_version < 140000:  # without multiranges
            query = query.replace("m.rngmultitypid = t.oid", "false")
        rows = connection.execute(query.encode()).fetchall()
        self._rows = {row[0]: row[1:] for row in rows}
        self._labels: defaultdict[int, list[str]] = defaultdict(list)
        for oid, label in connection.execute(_catalogue.LABELS).fetchall():
            self._labels[oid].append(label)
        self._conditions: defaultdict[int, list[str]] = defaultdict(list)
        for oid, condition in connection.execute(_catalogue.DOMAIN_CHECKS).fetchall():
            self._conditions[oid].append(_condition(condition))
        self._parts: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for oid, part, modifier in connection.execute(_catalogue.PARTS).fetchall():
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
    for row in connection.execute(_catalogue.COLUMNS).fetchall():
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
            _catalogue.STATISTICS
        ).fetchall()
        if None not in (common or ()) and None not in (bounds or ())
    }


def _foreign(connection: Connection) -> Mapping[int, list[ForeignKey]]:
    found: defaultdict[int, list[ForeignKey]] = defaultdict(list)
    for table, name, columns, parent, parent_columns, deferrable, full in connection.execute(
        _catalogue.FOREIGN
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
    query = (
        _catalogue.UNIQUE
        if version >= 150000
        else _catalogue.UNIQUE.replace("i.indnullsnotdistinct", "false")
    )
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
    for table, name, condition in connection.execute(_catalogue.CHECKS).fetchall():
        found[table].append(Check(name, _condition(condition)))
    return found


def _condition(definition: str) -> str:
    """`CHECK ((a > 0)) NOT VALID` without what is around the condition."""
    match = re.match(r"(?s)CHECK \((.*)\)(?: NO INHERIT| NOT VALID| NOT ENFORCED)*$", definition)
    return match[1] if match else definition


def _partitions(connection: Connection) -> Mapping[int, list[Mapping[str, Facts]]]:
    """What the values of each leaf partition are; a default partition says nothing."""
    found: defaultdict[int, list[Mapping[str, Facts]]] = defaultdict(list)
    for root, condition, is_default in connection.execute(_catalogue.PARTITIONS).fetchall():
        facts = {} if is_default else dict(_checks.read(condition or "true").facts)
        found[root].append(facts)
    return found
