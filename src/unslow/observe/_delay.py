"""Slows requests down by a known amount, for `unslow selftest`; does nothing unless told to."""

import os
import time
from collections.abc import Mapping, MutableMapping
from typing import Any

from unslow.observe import _wire

VARIABLE = "UNSLOW_DELAY"  # "cpu:0.1" or "wait:0.2": a share of what the request costs
HEADER = "x-unslow-cost"  # that cost: its CPU time and its wall time in nanoseconds

_DELAYED = "unslow.delayed"  # in environ and scope: boundaries may be nested
_LONGEST_NS = 5_000_000_000
_TICK_NS = 1_000_000  # event loops wake up at whole milliseconds

active = False
_kind = ""
_share = 0.0
_owed_ns = 0  # sleep that is still due; below zero after a sleep that took longer


def from_environment() -> None:
    """Read what to do."""
    global active, _kind, _share, _owed_ns
    kind, _, share = os.environ.get(VARIABLE, "").partition(":")
    active, _owed_ns = False, 0
    if kind in ("cpu", "wait"):
        _kind, _share = kind, float(share)
        active = True


def delay_wsgi(environ: MutableMapping[str, Any]) -> None:
    """Burn or sleep as the request's header asks for."""
    cost = str(environ.get("HTTP_X_UNSLOW_COST", ""))
    if not cost or _DELAYED in environ:
        return
    environ[_DELAYED] = True
    due = _due_ns(cost) or 0
    if _kind == "cpu":
        _burn(due)
    elif (pause := _pause_ns(due, 1)) > 0:
        started = time.monotonic_ns()
        time.sleep(pause / 1e9)
        _slept(time.monotonic_ns() - started)


async def delay_asgi(scope: MutableMapping[str, Any]) -> None:
    """The same; the event loop serves others while this request sleeps."""
    cost = _header(scope)
    if not cost or _DELAYED in scope:
        return
    scope[_DELAYED] = True
    due = _due_ns(cost) or 0
    if _kind == "cpu":
        _burn(due)
    elif (pause := _pause_ns(due, _TICK_NS)) > 0:
        import asyncio

        started = time.monotonic_ns()
        await asyncio.sleep(pause / 1e9)
        _slept(time.monotonic_ns() - started)


@_wire.safely
def _due_ns(cost: str) -> int:
    cpu, wall = cost.split()
    return min(int(_share * int(cpu if _kind == "cpu" else wall)), _LONGEST_NS)


def _burn(nanoseconds: int) -> None:
    end = time.thread_time_ns() + nanoseconds
    while time.thread_time_ns() < end:
        pass


def _pause_ns(due: int, tick: int) -> int:
    """How long to sleep now, in whole ticks; the rest is owed, so that the mean is exact."""
    global _owed_ns
    _owed_ns += due
    return _owed_ns - _owed_ns % tick if _owed_ns > 0 else 0


def _slept(nanoseconds: int) -> None:
    global _owed_ns
    _owed_ns -= nanoseconds


def _header(scope: Mapping[str, Any]) -> str:
    for name, value in scope["headers"]:
        if bytes(name).lower() == HEADER.encode():
            return bytes(value).decode("latin-1")
    return ""
