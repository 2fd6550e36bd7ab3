"""Asks where a connection should go, so that the application works on clones."""

import json
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from unslow.observe import _sandbox, _wire

Params = dict[str, Any]

_LIBPQ = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
}

LIVE = "UNSLOW_LIVE"  # set by `unslow live`, which watches and leaves everything where it is

_answers: dict[str, Params] = {}
_clones: set[str] = set()
_lock = threading.Lock()


class Refused(Exception):
    """The collector has no other place for this connection; the message says why."""


def is_wanted() -> bool:
    """Tell whether connections lead to clones: the lab listens, and for more than to look on."""
    return _wire.is_open() and not os.environ.get(LIVE)


def postgresql(params: Mapping[str, Any], error: Callable[[str], Exception]) -> Params:
    """Connection parameters in libpq's names, redirected. None in an answer removes one.

    Raises `error(message)` if the collector refuses: the original database is never a fallback.
    """
    asked = {name: os.environ[key] for name, key in _LIBPQ.items() if os.environ.get(key)}
    asked.update((name, value) for name, value in params.items() if value is not None)
    try:
        answer = _ask({"engine": "postgresql", "params": asked})["params"]
    except Refused as problem:
        raise error(str(problem)) from None
    result = {**asked, **answer}
    if result.get("host") != asked.get("host") and "hostaddr" not in answer:
        result.pop("hostaddr", None)
    _sandbox.allow(str(result.get("host") or ""))
    _clones.add(str(result.get("dbname")))
    return {name: value for name, value in result.items() if value is not None}


def leads_to_a_clone(params: Mapping[str, Any]) -> bool:
    """Tell whether these parameters were redirected already; a clone's name is its own."""
    return str(params.get("dbname")) in _clones


def sqlite(path: str, error: Callable[[str], Exception]) -> str:
    """The path of the clone of a SQLite database file."""
    try:
        return str(_ask({"engine": "sqlite", "path": os.path.abspath(path)})["path"])
    except Refused as problem:
        raise error(str(problem)) from None


def redis(question: Mapping[str, Any], error: Callable[[str], Exception]) -> Params:
    """Host, port and database number of the Redis to use instead."""
    try:
        answer = _ask({"engine": "redis", **question})
    except Refused as problem:
        raise error(str(problem)) from None
    _sandbox.allow(str(answer.get("host") or ""))
    return answer


def _ask(question: Params) -> Params:
    key = json.dumps(question, sort_keys=True, default=str)
    with _lock:
        if key not in _answers:
            try:
                answer = _wire.ask({"type": "connect", **question})
            except (OSError, ValueError) as problem:
                raise Refused(f"unslow does not answer where to connect: {problem}") from None
            if "error" in answer:
                raise Refused(str(answer["error"]))
            _answers[key] = answer
        return _answers[key]


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
