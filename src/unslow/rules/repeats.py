"""What a repeated query is: reads of one request that one query could have answered."""

import re
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median

from unslow.model import Query, Request

MIN_REPEATS = 5  # Sentry's default; below it the gain is noise
CHUNK_VALUES = 10  # an IN list this long is a batch of keys, not one row's

LOCKING = re.compile(r"\bFOR\s+(?:NO\s+KEY\s+)?(?:UPDATE|KEY\s+SHARE|SHARE)\b", re.IGNORECASE)
SWITCH = re.compile(
    r"^\s*(?:USE|SET\s+(?:(?:SESSION|LOCAL)\s+)?(?:search_path|ROLE|SCHEMA))\b", re.IGNORECASE
)
IN_LIST = re.compile(r"\bIN\s*\(([^()]*)\)", re.IGNORECASE)
PAGED = re.compile(r"\bOFFSET\s+[?$%:\d]", re.IGNORECASE)


@dataclass(frozen=True)
class Group:
    """Executions of one shape in one request that belong together."""

    request: Request
    queries: tuple[Query, ...]

    @property
    def ms(self) -> float:
        return sum(query.duration_ms for query in self.queries)


def groups(request: Request) -> list[Group]:
    """The request's reads by shape, and by relation and parent queryset or else by call stack.

    A change of schema or role in between separates tenants; so does the database.
    """
    found: defaultdict[Hashable, list[Query]] = defaultdict(list)
    tenant = 0
    for query in request.queries:
        if query.kind == "other" and SWITCH.match(query.sql):
            tenant += 1
        elif query.kind == "select":
            found[tenant, query.database, _identity(query)].append(query)
    return [Group(request, tuple(queries)) for queries in found.values()]


def is_repeated(group: Group) -> bool:
    """Whether one query could have read what the group read row by row."""
    queries = group.queries
    return len(queries) >= MIN_REPEATS and _varies(queries) and may_be_per_row(group)


def may_be_per_row(group: Group) -> bool:
    """Whether the group, however small, is of reads that one query could have answered."""
    queries = group.queries
    return (
        not is_eager(queries[0])
        and not LOCKING.search(queries[0].sql)
        and not _is_batch(queries)
        and not _is_read_before_write(group)
    )


def is_eager(query: Query) -> bool:
    return query.load is not None and query.load.kind in ("prefetch", "write")


def is_nested(query: Query) -> bool:
    """Whether the row was a related row itself: several objects of a request may be one such row.

    Each order brings its own customer object, so its company is asked for once per order.
    """
    load = query.load
    return is_relation(query) and load is not None and bool(load.origin and load.origin.path)


def is_relation(query: Query) -> bool:
    """Whether the query read a relation of a row."""
    return query.load is not None and bool(query.load.relation and query.load.parent)


def statement(query: Query) -> tuple[str, str, str]:
    """Equal for two executions of one statement with equal values."""
    return query.database, query.sql, query.parameters_digest


def _identity(query: Query) -> Hashable:
    load = query.load
    if load is None or load.origin is None or not is_relation(query):
        return query.fingerprint, query.stack, query.through
    origin = load.origin
    return query.fingerprint, load.kind, load.relation, load.parent, origin.id, origin.path


def _varies(queries: Sequence[Query]) -> bool:
    load = queries[0].load
    if is_nested(queries[0]):
        return True
    if load is not None and is_relation(queries[0]) and load.parent_key is not None:
        parents = {query.load.parent_key for query in queries if query.load is not None}
        return len(parents) >= MIN_REPEATS
    return len({statement(query) for query in queries}) > 1


def _is_batch(queries: Sequence[Query]) -> bool:
    """Chunks of keys and pages of a long result: already a query for many rows."""
    if is_relation(queries[0]):
        return False
    if PAGED.search(queries[0].sql):
        return True
    lengths = [_longest_list(query.sql) for query in queries]
    return median(lengths) >= CHUNK_VALUES


@lru_cache(maxsize=4096)
def _longest_list(sql: str) -> int:
    return max((values.count(",") + 1 for values in IN_LIST.findall(sql)), default=0)


def _is_read_before_write(group: Group) -> bool:
    """`get_or_create` and its kin: the expression that reads is the one that writes."""
    site = group.queries[0].stack[:1]
    if not site or is_relation(group.queries[0]):
        return False
    return any(
        query.kind in ("insert", "update", "delete") and query.stack[:1] == site
        for query in group.request.queries
    )
