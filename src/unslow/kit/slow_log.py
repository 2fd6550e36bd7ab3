"""Writes a warning for each slow request: where its time went, and its slowest statement.

The logger is "unslow.slow"; every value is a field of the log record of its own.
"""

import logging
import os
import re
from collections.abc import Callable
from typing import Any

from unslow.errors import UsageError
from unslow.kit._settings import Settings
from unslow.kit._split import split
from unslow.observe import _embedded
from unslow.observe._record import Query, RequestRecord
from unslow.observe._sites import Site

LOGGER = logging.getLogger("unslow.slow")
NO_ROUTE = "(no route)"  # the path would tell what was asked for
LONGEST_SHAPE = 2000  # characters

_MYSQL_STRING = re.compile(r'"(?:[^"\\]|\\.|"")*"')

_remove: Callable[[], None] | None = None


def start(settings: Settings) -> None:
    """Log slow requests from now on; later settings replace earlier ones.

    Raises `UsageError` where a limit is no number of milliseconds.
    """
    global _remove
    routes = {_key(name): _limit(name, ms) for name, ms in settings.slow_routes.items()}
    usual = _limit("slow_ms", settings.slow_ms)
    least = min([usual, *routes.values()])

    def look(record: RequestRecord) -> None:
        if record.duration_ms >= least and record.served:
            limit = routes.get(_key(f"{record.method} {record.route}"))
            if limit is None:
                limit = routes.get(_key(record.route), usual)
            if record.duration_ms >= limit:
                warn(record, limit)

    stop()
    _remove = _embedded.listen(look)


def stop() -> None:
    """Log no more."""
    global _remove
    if _remove is not None:
        _remove()
    _remove = None


def warn(record: RequestRecord, limit_ms: float) -> None:
    """Write the warning for a request that has ended."""
    fields = {"limit_ms": limit_ms, **fields_of(record)}
    LOGGER.warning(
        "%(method)s %(route)s took %(duration_ms).0f ms: database %(database_ms).0f, "
        "cache %(cache_ms).0f, outgoing %(outgoing_ms).0f, python %(python_ms).0f, "
        "waiting %(waiting_ms).0f; %(queries)d %(noun)s%(slowest)s",
        {
            **fields,
            "noun": "query" if fields["queries"] == 1 else "queries",
            "slowest": _slowest_text(fields),
        },
        extra=fields,
    )


def fields_of(record: RequestRecord) -> dict[str, Any]:
    """The fields of the log record: no path, no parameter, no value of a statement."""
    return {
        "method": record.method,
        "route": record.route or NO_ROUTE,
        "status": record.status,
        "duration_ms": round(record.duration_ms, 1),
        **{name: round(ms, 1) for name, ms in split(record)._asdict().items()},
        "queries": record.query_count,
        **_slowest(record.slowest_query()),
    }


def _slowest(query: Query | None) -> dict[str, Any]:
    if query is None:
        return {"slowest_query": "", "slowest_query_ms": 0.0, "slowest_query_site": ""}
    site = next(iter(query["stack"]), None)
    return {
        "slowest_query": _without_strings(query["shape"])[:LONGEST_SHAPE],
        "slowest_query_ms": round(query["duration_ms"], 1),
        "slowest_query_site": _place(site) if site is not None else "",
    }


def _without_strings(shape: str) -> str:
    """MySQL, which quotes names with backticks, has strings in double quotes."""
    return _MYSQL_STRING.sub("?", shape) if "`" in shape else shape


def _place(site: Site) -> str:
    here = os.getcwd() + os.sep
    return f"{site['path'].removeprefix(here)}:{site['line']} in {site['function']}"


def _slowest_text(fields: dict[str, Any]) -> str:
    if not fields["slowest_query"]:
        return ""
    site = fields["slowest_query_site"]
    return f", the slowest {fields['slowest_query_ms']:.0f} ms: {fields['slowest_query']}" + (
        f" ({site})" if site else ""
    )


def _key(route: str) -> str:
    """`GET /items/{id}` and `items/{id}` as frameworks name them: some without the first slash."""
    method, space, path = route.rpartition(" ")
    return f"{method}{space}{path.lstrip('/')}"


def _limit(name: str, ms: Any) -> float:
    if isinstance(ms, bool) or not isinstance(ms, int | float) or not ms >= 0:
        raise UsageError(
            f"{name!r} is to be slow from {ms!r} on; give a number of milliseconds, 0 or more"
        )
    return float(ms)
