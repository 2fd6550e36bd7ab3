"""Profiles the whole process at a low rate, for as long as you like, in production.

One thread looks at all threads twenty times a second and counts their stacks by the route that
they work for. What it holds does not grow with time.
"""

import asyncio
import os
import random
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from unslow.errors import UsageError
from unslow.kit import _owner, _pprof, _speedscope
from unslow.kit._stacks import Snapshot, Stacks
from unslow.observe import _embedded, _wire
from unslow.observe._record import RequestRecord

HZ = 20.0  # under half a percent of a core even on a busy machine: benchmarks/profiles.py
MIN_HZ, MAX_HZ = 1.0, 200.0  # above, its cost shows; an on-demand profile looks closer
_JITTER = 0.2  # of the pause, so that it does not march in step with the application's own clock
_OWN = tuple(f"{Path(__file__).parents[1] / name}{os.sep}" for name in ("observe", "kit"))
_IDLE = {  # innermost function of a thread that waits for work, by the end of its file's name
    "wait": ("threading.py",),
    "_wait_for_tstate_lock": ("threading.py",),
    "select": ("selectors.py",),
    "poll": ("selectors.py",),
    "accept": ("socket.py",),
    "_worker": ("concurrent/futures/thread.py",),
    "get": ("queue.py",),
}


class _Sampler:
    """The thread that looks, and what it has counted."""

    def __init__(self, hz: float) -> None:
        self.hz = hz
        self.stacks = Stacks(hz)
        self._over = threading.Lock()  # free when it is over; to wait for it is one call
        self._loops: dict[int, asyncio.AbstractEventLoop] = {}
        self._idle: dict[int, tuple[FrameType, int]] = {}  # threads that wait for work
        self._forget: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name="unslow-continuous", daemon=True)

    def start(self) -> None:
        self._forget = _embedded.starting(self._note_loop)
        self._over.acquire()
        self._thread.start()

    def stop(self) -> None:
        self._forget()
        self._over.release()
        self._thread.join()
        self.stacks.end()

    def abandon(self) -> None:
        """This is the child of a fork, where the thread is not."""
        self._forget()

    def _note_loop(self, record: RequestRecord) -> None:
        loop = asyncio._get_running_loop()
        if loop is not None:
            self._loops[threading.get_ident()] = loop

    def _run(self) -> None:
        pause = 1 / self.hz
        look = _wire.safely(self._look)
        while not self._over.acquire(timeout=pause * random.uniform(1 - _JITTER, 1 + _JITTER)):
            look()

    def _look(self) -> None:
        frames = sys._current_frames()
        for gone in [thread for thread in self._loops if thread not in frames]:
            del self._loops[gone]
        own, idle = threading.get_ident(), {}
        for thread, frame in frames.items():
            if thread == own:
                continue
            at = (frame, frame.f_lasti)
            if self._idle.get(thread) == at:
                idle[thread] = at
                continue
            stack, record = self._stack(thread, frame)
            if record is None and _is_idle(frame):
                idle[thread] = at
            else:
                self.stacks.add(record, stack)
        self._idle = idle
        self.stacks.looked()

    def _stack(self, thread: int, frame: FrameType) -> tuple[list[FrameType], RequestRecord | None]:
        """The stack from what the request entered at, innermost first, and the request."""
        task = self._task(thread)
        outermost = _owner.frame_of(task.get_coro()) if task is not None else None
        stack: list[FrameType] = []
        at: FrameType | None = frame
        while at is not None:
            record, is_hop = _owner.hop(at)
            record = record if is_hop else _owner.entrance(at)
            if record is not None or is_hop:
                return stack, record
            if not at.f_code.co_filename.startswith(_OWN):
                stack.append(at)
            if at is outermost and task is not None:
                return stack, _owner.of_task(task)
            at = at.f_back
        number = _owner.starter(thread)
        return stack, self.stacks.open_request(number) if number else None

    def _task(self, thread: int) -> "asyncio.Task[Any] | None":
        loop = self._loops.get(thread)
        return asyncio.current_task(loop) if loop is not None else None


def _is_idle(frame: FrameType) -> bool:
    ends = _IDLE.get(frame.f_code.co_name, ())
    return bool(ends) and frame.f_code.co_filename.endswith(ends)


_lock = threading.Lock()
_sampler: _Sampler | None = None
_is_on = False


def on(hz: float = HZ) -> None:
    """Begin a new profile of this process, and of those that it forks from now on.

    `hz` is looks per second. Raises `UsageError` for a rate that is too low or too high.
    """
    global _sampler, _is_on
    if not MIN_HZ <= hz <= MAX_HZ:
        raise UsageError(f"{hz:g} looks per second: write between {MIN_HZ:g} and {MAX_HZ:g}")
    with _lock:
        if _sampler is not None and _is_on:
            _sampler.stop()
        _embedded.start()
        _sampler = _Sampler(hz)
        _sampler.start()
        _is_on = True


def off() -> None:
    """Stop looking. What was seen can be saved until the next `on`."""
    global _is_on
    with _lock:
        if _sampler is not None and _is_on:
            _sampler.stop()
        _is_on = False


def is_on() -> bool:
    return _is_on


def snapshot() -> Snapshot:
    """What was seen since the last `on`. Raises `UsageError` if there was none."""
    if _sampler is None:
        raise UsageError("nothing was profiled yet; switch the continuous profile on first")
    return _sampler.stacks.snapshot()


def pprof() -> bytes:
    """What was seen, for `go tool pprof` and all that reads its format."""
    return _pprof.pprof(snapshot())


def speedscope() -> bytes:
    """What was seen, for speedscope."""
    return _speedscope.speedscope(snapshot(), f"process {os.getpid()}")


def _after_fork() -> None:
    """Each process looks at its own threads."""
    global _lock
    _lock = threading.Lock()
    sampler, was_on = _sampler, _is_on
    if sampler is not None:
        sampler.abandon()
        if was_on:
            _restart(sampler.hz)


@_wire.safely
def _restart(hz: float) -> None:
    global _sampler
    _sampler = _Sampler(hz)
    _sampler.start()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
