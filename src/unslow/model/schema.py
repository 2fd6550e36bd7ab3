"""What the application declares: its ORM models, and the tables and indexes of its database."""

from typing import Literal

import msgspec

from unslow.model.site import Site

RelationKind = Literal[
    "forward",  # foreign key, read on the side that has the column
    "one-to-one",  # one-to-one, read on the side that has the column
    "reverse-one-to-one",
    "reverse",  # the many side of a foreign key
    "many-to-many",
    "generic-forward",
    "generic-reverse",
]


class Field(msgspec.Struct, frozen=True):
    """A mapped column. `type` is the ORM's class name (`CharField`, `Integer`).

    `minimum`, `maximum`, `min_length` and `pattern` are what validators demand. `scale` is how many
    decimal places are stored. `on_save` tells that each save sets the value: to the time ("now"),
    or in a way of the field's own ("other").
    """

    name: str
    column: str
    type: str
    null: bool = False
    unique: bool = False
    primary_key: bool = False
    indexed: bool = False
    max_length: int | None = None
    choices: tuple[str, ...] = ()
    minimum: str = ""
    maximum: str = ""
    min_length: int | None = None
    pattern: str = ""
    scale: int | None = None
    on_save: Literal["", "now", "other"] = ""


class Relation(msgspec.Struct, frozen=True):
    """An attribute that leads to other rows.

    `name` is what code reads (`order.customer`, `customer.orders`, `customer.order_set`);
    `query_name` is what Django lookups and prefetches use (the same name for SQLAlchemy).
    `strategy` is SQLAlchemy's configured `lazy=` ("select", "joined", ...), empty for Django.
    """

    name: str
    query_name: str
    kind: RelationKind
    model: str
    null: bool = False
    column: str = ""
    remote_column: str = ""
    strategy: str = ""


class Index(msgspec.Struct, frozen=True):
    """An index of the database. `columns` holds column names or expression texts, in order.

    `keys` are those with what else tells them apart (operator class, collation, direction), empty
    when nobody looked. A constraint rests on a `needed` one. `scans` are those of the database
    that was cloned, None when unknown.
    """

    name: str
    columns: tuple[str, ...]
    unique: bool = False
    primary: bool = False
    method: str = "btree"
    predicate: str = ""
    definition: str = ""
    bytes: int = 0
    keys: tuple[str, ...] = ()
    included: tuple[str, ...] = ()
    needed: bool = False
    scans: int | None = None


class Column(msgspec.Struct, frozen=True):
    """A column. `distinct` is pg_stats' n_distinct (negative: a share of the rows)."""

    name: str
    type: str
    null: bool = True
    distinct: float | None = None


class Table(msgspec.Struct, frozen=True):
    """A table of the database, with its size and indexes.

    `scans` are those of it and its indexes in the database that was cloned, None when unknown.
    """

    name: str
    schema: str = "public"
    rows: int = 0
    bytes: int = 0
    columns: tuple[Column, ...] = ()
    indexes: tuple[Index, ...] = ()
    scans: int | None = None


class Model(msgspec.Struct, frozen=True):
    """An ORM model. `label` is `app.Model` for Django, `module.Class` for SQLAlchemy.

    `site` spans the class statement (absolute path as the recorder sends it, relative to a source
    root after collection). `migrations` is the folder of the app's migrations, or "".
    `overrides` are the ways of writing a row that the class replaces ("save", "delete"), `signals`
    what else runs per written row ("post_save", "before_update"), `parents` the labels of models
    whose tables hold a part of each row.
    """

    label: str
    orm: Literal["django", "sqlalchemy"]
    module: str
    name: str
    table: str
    site: Site | None = None
    fields: tuple[Field, ...] = ()
    relations: tuple[Relation, ...] = ()
    app_label: str = ""
    migrations: str = ""
    overrides: tuple[str, ...] = ()
    signals: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
