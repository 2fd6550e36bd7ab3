"""Folds the queries of a request: what one place ran with one shape becomes one line."""

import linecache
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from unslow.observe._record import Query
from unslow.observe._sites import Site

REPEATED = 5  # runs of one shape, as Sentry counts an N+1; fewer are hardly worth a look
LONGEST_CODE = 60  # characters of a quoted expression
_COLUMNS = re.compile(r"^(SELECT (?:DISTINCT )?)([^()]{24,}?)( FROM )", re.IGNORECASE)


@dataclass(frozen=True)
class Line:
    """Executions of one shape from one place, in the order of the first of them.

    `site` is `path:line in function`, `code` the expression there, `cause` what produced the rows
    whose relation was read; all are "" where nothing is known. `slowest` is the longest execution.
    """

    count: int
    total_ms: float
    shape: str
    site: str
    code: str
    cause: str
    slowest: Query

    @property
    def is_repeated(self) -> bool:
        return self.count >= REPEATED and self.slowest["kind"] != "other"


def fold(queries: Iterable[Query]) -> list[Line]:
    """One line for each statement and place."""
    groups: dict[tuple[object, ...], list[Query]] = {}
    for query in queries:
        at = query["stack"][0] if query["stack"] else None
        where = (at["path"], at["line"], at["column"]) if at else ()
        groups.setdefault((query["fingerprint"], *where), []).append(query)
    return [_line(group) for group in groups.values()]


def _line(group: list[Query]) -> Line:
    slowest = max(group, key=lambda query: query["duration_ms"])
    stack = slowest["stack"]
    return Line(
        count=len(group),
        total_ms=sum(query["duration_ms"] for query in group),
        shape=shortened(slowest["shape"]),
        site=place(stack[0]) if stack else "",
        code=code_at(stack[0]) if stack else "",
        cause=_cause(slowest),
        slowest=slowest,
    )


def shortened(shape: str) -> str:
    """A statement without its long list of columns: `SELECT … FROM orders WHERE …`."""
    return _COLUMNS.sub(r"\1…\3", shape)


def place(site: Site) -> str:
    """`orders/views.py:25 in list_orders`, below the working directory where it lies there."""
    path = site["path"]
    here = os.getcwd() + os.sep
    path = path.removeprefix(here)
    function = site["function"].removeprefix("<module>")
    return f"{path}:{site['line']}" + (f" in {function}" if function else "")


def code_at(site: Site) -> str:
    """The expression at a site, on one line; "" where its source cannot be read."""
    last = site["end_line"]
    lines = [linecache.getline(site["path"], n) for n in range(site["line"], last + 1)]
    if not all(lines):
        return ""
    encoded = [line.encode() for line in lines]
    encoded[-1] = encoded[-1][: site["end_column"] or None]
    encoded[0] = encoded[0][site["column"] :]
    text = " ".join(b" ".join(encoded).decode("utf-8", "replace").split())
    return text if len(text) <= LONGEST_CODE else text[: LONGEST_CODE - 1] + "…"


def _cause(query: Query) -> str:
    """What gave the rows whose relation this query loads, where an eager load would spare it."""
    load = query["load"] or {}
    origin = load.get("origin")
    relation = load.get("relation")
    if not origin or not relation or load.get("kind") == "prefetch":
        return ""
    sites = [link["stack"][0] for link in origin["links"] if link["stack"]]
    parent = f"{load.get('parent', '')}.{relation}".lstrip(".")
    return f"{parent} of the rows of {place(sites[-1])}" if sites else ""
