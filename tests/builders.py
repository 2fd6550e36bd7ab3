"""Traces in a few words: `trace(request("GET", "orders/", query("SELECT 1") * 3))`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha1

import msgspec

from unslow.model import (
    SCHEMA_VERSION,
    CacheCall,
    Encoding,
    Link,
    Load,
    Model,
    Opened,
    Origin,
    Plan,
    Query,
    Request,
    Site,
    Table,
    Trace,
)


def site(place: str, width: int = 20) -> Site:
    """`site("shop/views.py:12:8 list_orders")`; the column may be left out."""
    where, _, function = place.partition(" ")
    path, line, *column = where.split(":")
    start = int(column[0]) if column else 4
    return Site(path, int(line), int(line), start, start + width, function or "view")


def sites(*places: str) -> tuple[Site, ...]:
    return tuple(site(place) for place in places)


def link(operation: str, *places: str, direct: bool = True, manager_frames: int = 0) -> Link:
    """A step whose stack is `places`, innermost first."""
    return Link(operation, sites(*places), direct=direct, manager_frames=manager_frames)


def origin(model: str, *links: Link, path: Sequence[str] = ()) -> Origin:
    name = "|".join(f"{one.operation}@{one.stack[:1]}" for one in links)
    return Origin(sha1(name.encode()).hexdigest()[:12], model, links, tuple(path), "iterate")


@dataclass(frozen=True)
class Queries:
    """Queries in a row; `*` repeats them with other values and another parent row each time."""

    all: tuple[Query, ...]

    def __mul__(self, times: int) -> Queries:
        return Queries(tuple(_numbered(one, n) for n in range(times) for one in self.all))

    def __add__(self, other: Queries) -> Queries:
        return Queries(self.all + other.all)

    def same(self, times: int) -> Queries:
        """Repeated with the same values and the same parent row."""
        return Queries(self.all * times)


def query(
    sql: str,
    *stack: str,
    load: Load | None = None,
    ms: float = 1.0,
    rows: int | None = 1,
    values: str = "",
    parameters: tuple[str, ...] | None = None,
    through: Sequence[str] = (),
    database: str = "default",
) -> Queries:
    """One execution of `sql` from the application frames `stack`, innermost first."""
    verb = sql.split()[0].lower()
    return Queries(
        (
            Query(
                sql=sql,
                shape=sql,
                fingerprint=sha1(sql.encode()).hexdigest()[:12],
                start_ms=0.0,
                duration_ms=ms,
                kind=verb if verb in ("select", "insert", "update", "delete") else "other",
                rows=rows,
                parameters=parameters,
                parameters_digest=values or str(parameters or ""),
                database=database,
                stack=sites(*stack),
                through=tuple(through),
                load=load,
            ),
        )
    )


def cached(
    command: str, key: str, *stack: str, times: int = 1, **fields: object
) -> tuple[CacheCall, ...]:
    """Round trips of 1 ms, of another key each time: the key's shape is `key`."""
    values = {"duration_ms": 1.0, "bytes": 10, **fields}
    places = sites(*stack)
    return tuple(
        CacheCall(
            command, key, fields.get("key_digest", f"{key}{n}"), stack=places, **_named(values)
        )
        for n in range(times)
    )


def _named(values: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if name != "key_digest"}


def load(kind: str = "forward", *, parent: str = "", relation: str = "", **fields: object) -> Load:
    """A load of the Django ORM for a row with a key of its own."""
    values = {"orm": "django", "parent_key": "0" if parent else None, **fields}
    return msgspec.convert(
        {"kind": kind, "parent": parent, "relation": relation, **_plain(values)}, Load
    )


def request(
    method: str,
    route: str,
    *queries: Queries,
    ms: float | None = None,
    path: str = "",
    view: str = "",
    cache: Sequence[CacheCall] = (),
    encodings: Sequence[Encoding] = (),
    connections: Sequence[Opened] = (),
) -> Callable[[int], Request]:
    """A request, numbered by the trace that takes it; it lasts as long as its queries, and 1 ms."""
    flat = _timed(one for part in queries for one in part.all)
    spent = sum(one.duration_ms for one in (*flat, *cache)) + 1.0
    return lambda number: Request(
        id=str(number),
        method=method,
        path=path or f"/{route}",
        route=route,
        status=200,
        duration_ms=spent if ms is None else ms,
        queries=flat,
        view=site(view) if view else None,
        cache_calls=tuple(cache),
        encodings=tuple(encodings),
        connections=tuple(connections),
    )


def trace(
    *requests: Callable[[int], Request],
    models: Sequence[Model] = (),
    tables: Sequence[Table] = (),
    plans: Sequence[Plan] = (),
) -> Trace:
    return Trace(
        schema=SCHEMA_VERSION,
        unslow="0",
        kind="django",
        framework="Django 5.2",
        database="postgresql 18",
        roots=(".",),
        requests=tuple(make(number) for number, make in enumerate(requests)),
        models=tuple(models),
        tables=tuple(tables),
        plans=tuple(plans),
    )


def _plain(values: dict[str, object]) -> object:
    return msgspec.to_builtins(values)


def _timed(queries: Iterable[Query]) -> tuple[Query, ...]:
    timed, now = [], 0.0
    for one in queries:
        timed.append(msgspec.structs.replace(one, start_ms=now))
        now += one.duration_ms
    return tuple(timed)


def _numbered(one: Query, number: int) -> Query:
    parent = one.load
    if parent is not None and parent.parent_key is not None:
        parent = msgspec.structs.replace(parent, parent_key=f"{parent.parent_key}.{number}")
    digest = f"{one.parameters_digest}.{number}"
    return msgspec.structs.replace(one, load=parent, parameters_digest=digest)


def plus(make: Callable[[int], Request], **fields: object) -> Callable[[int], Request]:
    """The request with further fields, such as its `blocks` or `http_calls`."""
    return lambda number: msgspec.structs.replace(make(number), **fields)
