"""Adds what the application's models say of columns: choices, validators, lengths."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from unslow.lab.seeding.schema import Bound, Column, Facts, Schema, Table
from unslow.model import Field, Model


def with_models(schema: Schema, models: Sequence[Model]) -> Schema:
    """The schema as the application sees it; tables without a model stay as they are."""
    fields: dict[str, Mapping[str, Field]] = {}
    for model in models:
        name = model.table.rpartition(".")[2].strip('"')
        # Several classes may share a table; each knows its own columns.
        fields[name] = {**fields.get(name, {}), **{one.column: one for one in model.fields}}
    tables = (_table(one, fields.get(one.name.rpartition(".")[2], {})) for one in schema.tables)
    return replace(schema, tables=tuple(tables))


def _table(table: Table, fields: Mapping[str, Field]) -> Table:
    columns = (
        _column(one, fields[one.name]) if one.name in fields else one for one in table.columns
    )
    return replace(table, columns=tuple(columns))


def _column(column: Column, field: Field) -> Column:
    known = replace(column, orm=field.type)
    if column.type.kind not in ("base", "enum"):
        return known
    choices = tuple(one for one in field.choices if one)
    facts = Facts(
        lows=(Bound(field.minimum),) if field.minimum else (),
        highs=(Bound(field.maximum),) if field.maximum else (),
        values=choices or None,
        patterns=(field.pattern,) if field.pattern else (),
        shortest=field.min_length or 0,
        longest=field.max_length,
    )
    both = column.facts & facts
    if both.values == ():  # the application offers what the database refuses
        both = replace(both, values=column.facts.values)
    return replace(known, facts=both)
