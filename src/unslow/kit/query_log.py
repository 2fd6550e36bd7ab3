"""Logs every query of each request while you develop: `query_log.start()`.

A request's queries are one record of the logger "unslow.queries", repeated ones folded into a line
with how often they ran and where.
"""

import logging
import os
import shutil
import sys
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from textwrap import indent, wrap
from typing import Any, TextIO

from unslow.errors import UsageError
from unslow.kit import _explain
from unslow.kit._folded import Line, fold, shortened
from unslow.observe import _embedded
from unslow.observe._placeholders import filled
from unslow.observe._record import Query, RequestRecord

LOGGER = logging.getLogger("unslow.queries")
WIDTH = 80  # columns, where the output is no terminal
MOST_LINES = 40  # of a request; beyond that the log is a wall, and the rest is counted
MOST_ROWS = 3  # terminal lines of one statement
SLOW_MS = 100.0  # drawn as slow: what a person calls instantaneous ends there (Nielsen 1993)
INDENT = 17  # columns before the statement

_lock = threading.Lock()
_stop: Callable[[], None] | None = None


@dataclass(frozen=True)
class _Wish:
    """What is shown of each query, and which ones are explained."""

    values: bool
    explain: tuple[str, ...]
    explain_ms: float | None


def start(
    *,
    values: bool = False,
    explain: str | Collection[str] = (),
    explain_ms: float | None = None,
) -> None:
    """Log the queries of every request from now on.

    `values` shows the statements with their parameters, which may be anybody's data. `explain` are
    parts of statements (`"FROM orders"`) whose plans are logged, `explain_ms` asks for the plan of
    every SELECT that takes longer. The last call counts. Raises `UsageError`.
    """
    global _stop
    parts = _parts(explain)
    if explain_ms is not None and not _is_ms(explain_ms):
        raise UsageError(f"explain_ms is {explain_ms!r}; give milliseconds, 0 for every SELECT")
    if not isinstance(values, bool):
        raise UsageError(f"values is of type {type(values).__name__}; give True or False")
    wish = _Wish(values, parts, explain_ms)
    if parts or explain_ms is not None:
        _explain.watch()
    _embedded.start("full")
    with _lock:
        if _stop is not None:
            _stop()
        _stop = _embedded.listen(lambda record: _log(record, wish))
        _make_visible()


def _parts(explain: str | Collection[str]) -> tuple[str, ...]:
    parts = tuple(explain) if isinstance(explain, list | tuple | set | frozenset) else (explain,)
    if not all(isinstance(part, str) and part for part in parts):
        raise UsageError('explain takes parts of statements, such as explain="FROM orders"')
    return parts


def _is_ms(ms: object) -> bool:
    return isinstance(ms, int | float) and not isinstance(ms, bool) and ms >= 0


def configure(wanted: bool | Mapping[str, Any]) -> None:
    """`start` as a middleware's setting has it: True, or its arguments. Raises UsageError."""
    if isinstance(wanted, bool):
        if wanted:
            start()
        return
    known = ("values", "explain", "explain_ms")
    named = {name.lower(): value for name, value in wanted.items()}
    if wrong := sorted(set(named) - set(known)):
        raise UsageError(f"query_log has no setting {wrong[0]!r}; there are {', '.join(known)}")
    start(**named)


def stop() -> None:
    """Log no more."""
    global _stop
    with _lock:
        if _stop is not None:
            _stop()
        _stop = None


def _make_visible() -> None:
    """Write to the terminal, unless the application's own logging takes the records."""
    if LOGGER.level == logging.NOTSET:
        LOGGER.setLevel(logging.INFO)
    if not LOGGER.hasHandlers():
        LOGGER.addHandler(Terminal())


def _log(record: RequestRecord, wish: _Wish) -> None:
    if not record.queries or not LOGGER.isEnabledFor(logging.INFO):
        return
    lines = fold(record.queries)
    request = Request(
        endpoint=f"{record.method} {record.route or record.path.partition('?')[0]}",
        status=record.status,
        duration_ms=record.duration_ms,
        queries=len(record.queries),
        queries_ms=sum(query["duration_ms"] for query in record.queries),
        lines=tuple(lines),
        values=wish.values,
    )
    LOGGER.info("%s", request, extra=request.extra())
    for query in _wanted(lines, wish):
        _explain.ask(query, wish.values, _log_plan)


def _wanted(lines: Collection[Line], wish: _Wish) -> list[Query]:
    def is_wanted(query: Query) -> bool:
        slow = wish.explain_ms is not None and query["duration_ms"] >= wish.explain_ms
        return slow or any(part.lower() in query["shape"].lower() for part in wish.explain)

    slowest = (line.slowest for line in lines)
    return [query for query in slowest if query["kind"] == "select" and is_wanted(query)]


def _log_plan(query: Query, plan: str) -> None:
    LOGGER.info(
        "%s\n%s",
        "\n".join(wrap(f"EXPLAIN {shortened(query['shape'])}", WIDTH, break_on_hyphens=False)),
        indent(plan, "  "),
        extra={"shape": query["shape"], "fingerprint": query["fingerprint"], "plan": plan},
    )


@dataclass(frozen=True)
class Request:
    """A request and its queries, folded; its text is what a log file gets."""

    endpoint: str
    status: int
    duration_ms: float
    queries: int
    queries_ms: float
    lines: tuple[Line, ...]
    values: bool = False

    def __str__(self) -> str:
        return self.text()

    def extra(self) -> dict[str, object]:
        """The same as fields for a structured log."""
        return {
            "endpoint": self.endpoint,
            "status": self.status,
            "duration_ms": round(self.duration_ms, 2),
            "query_count": self.queries,
            "queries_ms": round(self.queries_ms, 2),
            "queries": [
                {
                    "count": line.count,
                    "ms": round(line.total_ms, 2),
                    "shape": line.slowest["shape"],
                    "fingerprint": line.slowest["fingerprint"],
                    "site": line.site,
                    "cause": line.cause,
                    "rows": line.slowest["rows"],
                }
                for line in self.lines
            ],
        }

    def text(self, width: int = WIDTH, color: bool = False) -> str:
        """Lines of at most `width` columns, as far as names allow; `color` adds ANSI styles."""
        paint = _paint if color else _plain
        said = (
            f"{_ms(self.duration_ms)} ms, {self.queries} quer{'y' if self.queries == 1 else 'ies'}"
        )
        said += f" in {_ms(self.queries_ms)} ms"
        failed = "red" if self.status >= 500 else "bold"
        rows = [f"{paint(self.endpoint, 'bold')}  {paint(str(self.status), failed)}  {said}"]
        for line in self.lines[:MOST_LINES]:
            rows += _rows(line, self.values, width, paint)
        left = self.lines[MOST_LINES:]
        if left:
            more = sum(line.count for line in left)
            spent = _ms(sum(line.total_ms for line in left))
            rows.append(f"  and {more} more queries of {len(left)} other lines, {spent} ms")
        return "\n".join(rows)


def _rows(line: Line, values: bool, width: int, paint: Callable[[str, str], str]) -> list[str]:
    style = "yellow" if line.is_repeated else "red" if line.total_ms >= SLOW_MS else "plain"
    head = f"{f'×{line.count}':>6} {_ms(line.total_ms):>6} ms"
    statement = _statement(line, values)
    wrapped = wrap(statement, max(width - INDENT, 20), break_on_hyphens=False) or [""]
    if len(wrapped) > MOST_ROWS:
        last = wrapped[MOST_ROWS - 1]
        wrapped = [*wrapped[: MOST_ROWS - 1], last[: max(width - INDENT, 20) - 2] + " …"]
    rows = [f"{paint(head, style)}{' ' * (INDENT - len(head))}{wrapped[0]}"]
    rows += [" " * INDENT + row for row in wrapped[1:]]
    for where in (_where(line, width - INDENT), line.cause):
        if where:
            rows.append(" " * INDENT + paint(where, "dim"))
    return rows


def _where(line: Line, width: int) -> str:
    """The place and, where there is room for it, the expression."""
    both = f"{line.site}: {line.code}" if line.code else line.site
    return both if len(both) <= width else line.site


def _statement(line: Line, values: bool) -> str:
    if not values:
        return line.shape
    query = line.slowest
    return filled(query["sql"], query["parameters"]) or query["sql"]


def _ms(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


class Terminal(logging.StreamHandler[TextIO]):
    """Writes the log to standard error, with colours where that is a terminal."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def format(self, record: logging.LogRecord) -> str:
        request = record.args[0] if isinstance(record.args, tuple) and record.args else None
        if not isinstance(request, Request) or not self.stream.isatty():
            return super().format(record)
        width = min(max(shutil.get_terminal_size().columns, 60), 120)
        return request.text(width, color="NO_COLOR" not in os.environ)


_STYLES = {"bold": "1", "dim": "2", "red": "31", "yellow": "33", "plain": ""}


def _paint(text: str, style: str) -> str:
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if _STYLES[style] else text


def _plain(text: str, style: str) -> str:
    return text
