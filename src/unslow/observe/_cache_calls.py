"""Notes each round trip to Redis: the command, the shape of its key, its size and its life."""

import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from unslow.observe import _effects, _record, _sites, _wire

MOST_MEASURED = 1000  # items of one answer whose sizes are added up

# Where the seconds or milliseconds of a command's expiry stand.
_TIMED = {"SETEX": (2, 1.0), "PSETEX": (2, 0.001), "EXPIRE": (2, 1.0), "PEXPIRE": (2, 0.001)}
_OPTIONS = {"EX": 1.0, "PX": 0.001}
_DATED = {"EXAT": 1.0, "PXAT": 0.001}
_SEVERAL = frozenset({"MGET", "DEL", "UNLINK", "EXISTS", "TOUCH", "SINTER", "SUNION", "SDIFF"})
_PAIRS = frozenset({"MSET", "MSETNX"})


@_wire.safely
def note(
    commands: Sequence[Sequence[Any]], started: float, answer: Any, *, writes: bool, named: bool
) -> None:
    """Add a round trip that has just ended to the current request.

    `started` is a `time.perf_counter()`; `named` tells that the command's second word is a key.
    """
    record = _record.current()
    if record is None or not commands:
        return
    ended = time.perf_counter()
    first = commands[0]
    if not _record.detailed:
        record.add("cache_calls", _light(commands, started - record.started, ended - started))
        return
    full = _record.level() == "full"
    words = str(first[0]).upper().split()
    key = first[1] if named and len(first) > 1 else ""
    record.add(
        "cache_calls",
        {
            "command": words[0],
            "key": _effects.shape(key),
            "key_digest": _effects.digest(key) if full and key != "" else "",
            "keys": sum(map(_keys, commands)),
            "commands": len(commands),
            "start_ms": (started - record.started) * 1000,
            "duration_ms": (ended - started) * 1000,
            "bytes": sum(size(one[1:]) for one in commands) if writes else size(answer),
            "hit": None if writes or len(commands) > 1 else _is_found(answer),
            "ttl_s": _ttl(words[0], first) if writes else None,
            "writes": writes,
            "stack": _sites.application_stack() if full else [],
        },
    )


def _light(commands: Sequence[Sequence[Any]], start: float, duration: float) -> dict[str, Any]:
    """What production wants to know of a round trip."""
    return {
        "command": str(commands[0][0]).partition(" ")[0].upper(),
        "commands": len(commands),
        "start_ms": start * 1000,
        "duration_ms": duration * 1000,
    }


def size(value: Any) -> int:
    """The bytes of a value as it goes over the wire, roughly."""
    if isinstance(value, bytes | bytearray | memoryview | str):
        return len(value)
    if isinstance(value, dict):
        return sum(size(key) + size(one) for key, one in _some(value.items()))
    if isinstance(value, list | tuple | set):
        return sum(size(one) for one in _some(value))
    return 0 if value is None else 8


def _some(items: Any) -> Any:
    return [item for item, _ in zip(items, range(MOST_MEASURED), strict=False)]


def _keys(command: Sequence[Any]) -> int:
    name = str(command[0]).upper()
    given = len(command) - 1
    return given if name in _SEVERAL else given // 2 if name in _PAIRS else min(given, 1)


def _is_found(answer: Any) -> bool:
    if isinstance(answer, list | tuple):
        return any(one is not None for one in answer)
    return answer is not None and answer != {} and answer != set()


def _ttl(name: str, command: Sequence[Any]) -> float | None:
    if name in _TIMED:
        place, unit = _TIMED[name]
        return float(command[place]) * unit
    for word, value in pairwise(command[3:]):
        option = word.decode() if isinstance(word, bytes) else word
        if isinstance(option, str) and option.upper() in _OPTIONS:
            return float(value) * _OPTIONS[option.upper()]
        if isinstance(option, str) and option.upper() in _DATED:
            return float(value) * _DATED[option.upper()] - time.time()
    return None
