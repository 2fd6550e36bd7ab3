"""Fills a migrated shop with data: `python -m unslow.demo.seed DSN django|fastapi SIZE`."""

import sys
from collections.abc import Iterator
from typing import Literal, cast

import psycopg
from psycopg import sql

from unslow.demo._rows import Counts, Row, rows
from unslow.errors import UsageError

Flavour = Literal["django", "fastapi"]
Size = Literal["small", "medium"] | int

ORDERS = {"small": 600, "medium": 20_000}
TABLES = {  # the same tables under the name that each framework's users would give them
    "country": ("accounts_country", "countries"),
    "user": ("auth_user", "users"),
    "profile": ("accounts_profile", "profiles"),
    "company": ("accounts_company", "companies"),
    "customer": ("accounts_customer", "customers"),
    "address": ("accounts_address", "addresses"),
    "supplier": ("catalog_supplier", "suppliers"),
    "category": ("catalog_category", "categories"),
    "tag": ("catalog_tag", "tags"),
    "product": ("catalog_product", "products"),
    "product_categories": ("catalog_product_categories", "product_categories"),
    "product_tags": ("catalog_product_tags", "product_tags"),
    "inventory": ("catalog_inventory", "inventories"),
    "review": ("catalog_review", "reviews"),
    "movement": ("catalog_stockmovement", "stock_movements"),
    "order": ("sales_order", "orders"),
    "order_item": ("sales_orderitem", "order_items"),
    "payment": ("sales_payment", "payments"),
    "shipment": ("sales_shipment", "shipments"),
    "comment": ("accounts_comment", "comments"),
}
DJANGO_USER = {  # what the shop itself never reads
    "password": "!",
    "is_superuser": False,
    "is_staff": True,
    "is_active": True,
    "date_joined": "2024-01-01T00:00:00Z",
}


def seed(dsn: str, flavour: Flavour, size: Size) -> None:
    """Load a shop of `size` orders into the empty, migrated database at `dsn`.

    The same size gives the same rows. Raises UsageError when the size is unknown or the tables
    are missing or not empty.
    """
    counts = Counts(orders_of(size))
    with psycopg.connect(dsn) as connection:
        _check_empty(connection, _physical("order", flavour))
        subjects = _content_types(connection) if flavour == "django" else {}
        for table, columns, data in rows(counts):
            if flavour == "django":
                columns, data = _as_django(table, columns, data, subjects)
            _copy(connection, _physical(table, flavour), columns, data)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def orders_of(size: Size) -> int:
    if isinstance(size, int) and size > 0:
        return size
    if size in ORDERS:
        return ORDERS[str(size)]
    raise UsageError(f"size is {', '.join(ORDERS)} or a number of orders, not {size!r}")


def _physical(table: str, flavour: Flavour) -> str:
    return TABLES[table][("django", "fastapi").index(flavour)]


def _check_empty(connection: psycopg.Connection, table: str) -> None:
    query = sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(table))
    try:
        row = connection.execute(query).fetchone()
    except psycopg.errors.UndefinedTable as error:
        raise UsageError(f"there is no table {table}; run the shop's migrations first") from error
    if row == (True,):
        raise UsageError(f"the table {table} is not empty; seed a new database")


def _content_types(connection: psycopg.Connection) -> dict[object, int]:
    return dict(connection.execute("SELECT model, id FROM django_content_type").fetchall())


def _as_django(
    table: str, columns: tuple[str, ...], data: Iterator[Row], subjects: dict[object, int]
) -> tuple[tuple[str, ...], Iterator[Row]]:
    if table == "user":
        constants = tuple(DJANGO_USER.values())
        return (*columns, *DJANGO_USER), (row + constants for row in data)
    if table == "comment":
        names = ("author_id", "content_type_id", "object_id", "body", "created_at")
        return names, ((row[0], subjects[row[1]], *row[2:]) for row in data)
    return columns, data


def _copy(
    connection: psycopg.Connection, table: str, columns: tuple[str, ...], data: Iterator[Row]
) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in data:
            copy.write_row(row)


def main() -> None:
    if len(sys.argv) != 4:
        sys.exit(f"usage: {__doc__.partition(': ')[2].strip(' `.')}")
    dsn, flavour, size = sys.argv[1:]
    try:
        if flavour not in ("django", "fastapi"):
            raise UsageError(f"flavour is django or fastapi, not {flavour!r}")
        seed(dsn, cast(Flavour, flavour), cast(Size, int(size) if size.isdigit() else size))
    except UsageError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
