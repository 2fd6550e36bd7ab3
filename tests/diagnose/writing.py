"""Requests that write from marked expressions of a small source: `«order.save()»`."""

from collections.abc import Sequence

from msgspec.structs import replace

from tests.builders import Queries, load, query, request, trace
from unslow.lab.diagnose import readers
from unslow.model import Finding, Query, Site, Trace

PATH = "shop/views.py"
UPDATE = 'UPDATE "shop_order" SET "status" = %s WHERE "shop_order"."id" = %s'
INSERT = 'INSERT INTO "shop_order" ("status") VALUES (%s) RETURNING "shop_order"."id"'
DELETE = 'DELETE FROM "shop_order" WHERE "shop_order"."id" IN (%s)'
STATEMENTS = {"insert": INSERT, "update": UPDATE, "delete": DELETE}


def marked(source: str) -> tuple[str, tuple[Site, ...]]:
    """The source without its marks, and the marked expressions in order: the innermost frame
    first."""
    clean = source.replace("«", "").replace("»", "")
    starts = [n for n, char in enumerate(source) if char == "«"]
    return clean, tuple(_site(source, start, source.index("»", start)) for start in starts)


def _site(source: str, start: int, end: int) -> Site:
    line, column = _position(source[:start])
    end_line, end_column = _position(source[:end])
    return Site(PATH, line, end_line, column, end_column, "view")


def _position(before: str) -> tuple[int, int]:
    clean = before.replace("«", "").replace("»", "")
    return clean.count("\n") + 1, len(clean.rpartition("\n")[2])


def write(kind: str, stack: Sequence[Site], *, orm: str = "django", **fields: object) -> Queries:
    """One statement that writes a row of orders."""
    sql = str(fields.pop("sql", STATEMENTS[kind]))
    one = query(sql, load=load("write", orm=orm, model="shop.Order"), **fields).all[0]
    return Queries((replace(one, stack=tuple(stack)),))


def read(stack: Sequence[Site], sql: str = 'SELECT * FROM "shop_order"', **fields) -> Queries:
    one = query(sql, **fields).all[0]
    return Queries((replace(one, stack=tuple(stack)),))


def orders(stack: Sequence[Site], rows: int) -> Queries:
    """The rows that a session read."""
    whole = load("select", orm="sqlalchemy", model="shop.Order")
    return read(stack, load=whole, rows=rows)


def found_by(detector: str, source: str, *queries: Queries) -> list[Finding]:
    """What the detector finds in two requests that run the queries one after another."""
    return _found(detector, source, trace(*(request("POST", "orders/", *queries) for _ in "ab")))


def found_at(detector: str, source: str, queries: Queries) -> list[Finding]:
    """The same for a request whose queries run at the times that they have."""
    seen = trace(request("POST", "orders/", queries))
    own = replace(seen.requests[0], queries=queries.all)
    return _found(detector, source, replace(seen, requests=(own,)))


def _found(detector: str, source: str, seen: Trace) -> list[Finding]:
    clean, _ = marked(source)

    def content(path: str) -> bytes:
        if path != PATH:
            raise FileNotFoundError(path)
        return clean.encode()

    return list(readers()[detector.replace("-", "_")].find_in_source(seen, content))


def findings(detector: str, source: str, kind: str = "update", times: int = 9, **fields):
    """What it finds where the marked expression writes `times` rows."""
    _, stack = marked(source)
    return found_by(detector, source, write(kind, stack, **fields) * times)


def spread(one: Queries, gap_ms: float) -> Queries:
    """The queries, each so long after the one before."""
    return Queries(tuple(_moved(query, n * gap_ms) for n, query in enumerate(one.all)))


def _moved(one: Query, start_ms: float) -> Query:
    return replace(one, start_ms=start_ms)
