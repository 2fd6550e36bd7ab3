"""Tells what a request sends elsewhere: mails, tasks, cache writes, by digests of their content."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import blake2b
from typing import Any

from unslow.observe import _record, _wire

MOST_PARTS = 60  # of one effect, such as the lines of a mail; the rest is one more part

_inside: ContextVar[bool] = ContextVar("unslow_effect", default=False)
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_VARIABLE = re.compile(r"(?=[\w-]*\d)(?:[0-9a-fA-F]{8,}(?:-[0-9a-fA-F]{4,})*|[\w-]{20,})|\d+")


@_wire.safely
def note(what: str, **parts: Any) -> None:
    """Report one effect under a readable name that tells nothing of its content."""
    if not _record.is_sent() or _inside.get():
        return
    _wire.send(
        {
            "type": "effect",
            "request": _record.request_id(),
            "what": what,
            "parts": {name: digest(value) for name, value in parts.items() if value is not None},
        }
    )


@contextmanager
def within() -> Iterator[None]:
    """What happens in here is part of an effect that is known: it is not reported again."""
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)


def is_within() -> bool:
    return _inside.get()


def digest(value: Any) -> str:
    """The same for equal values in two processes."""
    if not isinstance(value, bytes | bytearray | memoryview):
        text = value if isinstance(value, str) else _text(value)
        value = _ADDRESS.sub("", text).encode("utf-8", "surrogatepass")
    return blake2b(bytes(value), digest_size=8).hexdigest()


def shape(key: Any) -> str:
    """A key without what tells one from another: `user:17:profile` as `user:*:profile`."""
    text = key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)
    return _VARIABLE.sub("*", text)[:80]


def numbered(name: str, values: Any) -> dict[str, Any]:
    """The values as parts `name 1`, `name 2`, and the rest of a long row as one."""
    rows = list(values)
    parts = {f"{name} {place}": value for place, value in enumerate(rows[:MOST_PARTS], start=1)}
    if len(rows) > MOST_PARTS:
        parts[f"other {name}s"] = [_text(value) for value in rows[MOST_PARTS:]]
    return parts


def arguments(args: Any, kwargs: Any) -> dict[str, Any]:
    """A call's arguments as parts."""
    named = kwargs if isinstance(kwargs, Mapping) else {}
    return {
        **numbered("argument", args or ()),
        **{f"{key}=": value for key, value in named.items()},
    }


def task(name: Any, args: Any, kwargs: Any, **options: Any) -> None:
    """Report a task that is put into a queue."""
    given = {key: value for key, value in options.items() if value is not None}
    note(f"task {name}", **arguments(args, kwargs), **given)


def _text(value: Any) -> str:
    try:
        return json.dumps(value, sort_keys=True, default=repr)
    except (TypeError, ValueError):
        return repr(value)
