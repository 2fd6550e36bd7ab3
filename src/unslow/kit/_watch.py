"""Looks at the threads and tasks of one request, whatever else the process does meanwhile.

A thread works for the request where its stack holds the frame that began the request, or where it
runs what the request handed to a pool. A task works for it where its context says so. What neither
runs nor waits for an own thread or task is seen where it awaits.
"""

import asyncio
import gc
import os
import sys
import threading
import time
from pathlib import Path
from types import AsyncGeneratorType, CodeType, CoroutineType, FrameType
from typing import Any, NamedTuple

from unslow.kit import _owner
from unslow.kit._profile import Place, Profile, Sample
from unslow.observe import _record, _wire
from unslow.observe._record import RequestRecord

PAUSE_S = 0.001  # pyinstrument's interval
LOOKS = 10_000  # the pause grows with the time that the request takes: about so many each e-fold
SWITCH_S = 0.0005  # so that a thread that computes lets the watching one look in time
MAX_DEPTH = 1000
_OWN = tuple(f"{Path(__file__).parents[1] / name}{os.sep}" for name in ("observe", "kit"))
_FOR_THREADS = (  # innermost functions of a thread that waits for another one
    ("concurrent/futures/_base.py", ("result", "exception")),
    ("asgiref/current_thread_executor.py", ("run_until_future",)),
    ("threading.py", ("join",)),
)
_FOR_TASKS = (  # and of a task that waits for another one
    ("asyncio/taskgroups.py", ("__aexit__", "_aexit")),
    ("asyncio/tasks.py", ("wait", "_wait", "wait_for")),
    ("asyncio/timeouts.py", ("timeout",)),
    ("anyio/_backends/_asyncio.py", ("__aexit__", "_on_completed")),
    ("anyio/streams/memory.py", ("receive", "send")),
)

Line = tuple[CodeType, int]


class _Lane(NamedTuple):
    """One thread or task of the request, at one moment."""

    thread: str
    stack: tuple[Line, ...]
    is_waiting: bool


class Watch:
    """Looks at the request that the calling frame serves, from `start` until `stop`."""

    def __init__(self, base: FrameType) -> None:
        self._base: FrameType | None = base
        self._record = _record.current()
        self._loop = _running_loop()
        self._thread = threading.get_ident()
        self._seen: list[tuple[_Lane, float]] = []
        self._last: dict[str, int] = {}
        self._looks = 0
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._look_on, name="unslow-profile", daemon=True)
        self.started = time.time()
        self._cpu = time.process_time()
        self._from = time.perf_counter()
        self._seconds = self._cpu_seconds = 0.0

    def start(self) -> None:
        _hasten()
        self._watcher.start()

    def stop(self) -> None:
        """End the profile; what comes later is not in it."""
        if self._over.is_set():
            return
        self._seconds = time.perf_counter() - self._from
        self._cpu_seconds = time.process_time() - self._cpu
        self._over.set()
        self._watcher.join()
        self._base = None
        _slacken()

    def profile(self, method: str, path: str, status: int) -> Profile:
        """What was seen until `stop`."""
        samples = tuple(
            Sample(
                lane.thread, tuple(_place(*line) for line in lane.stack), lane.is_waiting, seconds
            )
            for lane, seconds in self._seen
        )
        return Profile(
            method=method,
            path=path,
            status=status,
            started=self.started,
            seconds=self._seconds,
            cpu_seconds=self._cpu_seconds,
            looks=self._looks,
            samples=samples,
        )

    def _look_on(self) -> None:
        before = self._from
        look = _wire.safely(self._look)
        while not self._over.wait(max(PAUSE_S, (before - self._from) / LOOKS)):
            lanes = look() or []
            now = time.perf_counter()
            self._looks += 1
            for lane in lanes:
                self._add(lane, (now - before) / len(lanes))
            before = now

    def _add(self, lane: _Lane, seconds: float) -> None:
        last = self._last.get(lane.thread)
        if last is not None and self._seen[last][0] == lane:
            self._seen[last] = (lane, self._seen[last][1] + seconds)
        else:
            self._last[lane.thread] = len(self._seen)
            self._seen.append((lane, seconds))

    def _look(self) -> list[_Lane]:
        frames = sys._current_frames()
        running = _task_now(self._loop)
        busy: list[_Lane] = []
        loops = [] if self._loop is None else [self._loop]
        for thread, frame in frames.items():
            task = running if thread == self._thread else None
            stack = self._stack(thread, frame, task)
            if stack is None:
                continue
            loop = _idle_loop(frame)
            if loop is None:
                busy.append(_Lane(_owner.name(thread), _without_own(stack), False))
            elif loop not in loops:
                loops.append(loop)
        busy = _unless_waiting_for(busy, _FOR_THREADS)
        if all(_is_at(lane.stack, _FOR_THREADS) for lane in busy):
            waiting = [lane for loop in loops for lane in self._awaiting(loop)]
            busy = waiting or busy
        return busy

    def _stack(
        self, thread: int, frame: FrameType, task: "asyncio.Task[Any] | None"
    ) -> tuple[Line, ...] | None:
        """The thread's stack from the request on; None where it works for something else."""
        outermost = _owner.frame_of(task.get_coro()) if task is not None else None
        stack: list[Line] = []
        at: FrameType | None = frame
        while at is not None:
            if at is self._base:
                return tuple(reversed(stack))
            record, is_hop = _owner.hop(at)
            if is_hop:
                return tuple(reversed(stack)) if self._is_own(record) else None
            stack.append((at.f_code, at.f_lineno or 0))
            if at is outermost and task is not None:
                return tuple(reversed(stack)) if self._is_own(_owner.of_task(task)) else None
            at = at.f_back
        return tuple(reversed(stack)) if self._is_started_by(thread) else None

    def _is_own(self, record: RequestRecord | None) -> bool:
        return record is not None and record is self._record

    def _is_started_by(self, thread: int) -> bool:
        if self._record is None or _owner.name(thread).startswith("unslow-"):
            return False
        return _owner.starter(thread) == self._record.id

    def _awaiting(self, loop: asyncio.AbstractEventLoop) -> list[_Lane]:
        """Where the request's tasks wait."""
        try:
            tasks = asyncio.all_tasks(loop)
        except RuntimeError:  # others began and ended meanwhile
            return []
        own = [task for task in tasks if self._is_own(_owner.of_task(task))]
        waits_for = {task for task in own if _waits_for_a_task(task)} if len(own) > 1 else set()
        name = _owner.name(self._thread) if loop is self._loop else "waiting"
        lanes = [
            _Lane(name, _without_own(self._await_stack(task)), True)
            for task in own
            if task not in waits_for
        ]
        return _unless_waiting_for(lanes, _FOR_TASKS)

    def _await_stack(self, task: "asyncio.Task[Any]") -> tuple[Line, ...]:
        stack: list[Line] = []
        at: Any = task.get_coro()
        while at is not None and len(stack) < MAX_DEPTH:
            frame = _owner.frame_of(at)
            if frame is not None and frame is self._base:
                stack.clear()
            elif frame is not None:
                stack.append((frame.f_code, frame.f_lineno or 0))
            at = _awaited_by(at)
        return tuple(stack)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _task_now(loop: asyncio.AbstractEventLoop | None) -> "asyncio.Task[Any] | None":
    return None if loop is None else asyncio.current_task(loop)


def _awaited_by(awaitable: Any) -> Any:
    for name in ("cr_await", "gi_yieldfrom", "ag_await"):
        if hasattr(awaitable, name):
            return getattr(awaitable, name)
    for one in gc.get_referents(awaitable):  # the step of an asynchronous generator, a wrapper
        if isinstance(one, AsyncGeneratorType | CoroutineType):
            return one
    return None


def _waits_for_a_task(task: "asyncio.Task[Any]") -> bool:
    waiter = getattr(task, "_fut_waiter", None)
    return isinstance(waiter, asyncio.Task) or bool(getattr(waiter, "_children", None))


def _idle_loop(frame: FrameType) -> asyncio.AbstractEventLoop | None:
    """The event loop that waits in this thread for something to do."""
    if not frame.f_code.co_filename.endswith("selectors.py"):
        return None
    at: FrameType | None = frame
    while at is not None and at.f_code.co_name != "_run_once":
        at = at.f_back
    loop = at.f_locals.get("self") if at is not None else None
    return loop if isinstance(loop, asyncio.AbstractEventLoop) else None


def _without_own(stack: tuple[Line, ...]) -> tuple[Line, ...]:
    return tuple(line for line in stack if not line[0].co_filename.startswith(_OWN))


def _unless_waiting_for(
    lanes: list[_Lane], waits: tuple[tuple[str, tuple[str, ...]], ...]
) -> list[_Lane]:
    """The lanes without those that wait for another one, if there is another one."""
    return [lane for lane in lanes if not _is_at(lane.stack, waits)] or lanes


def _is_at(stack: tuple[Line, ...], waits: tuple[tuple[str, tuple[str, ...]], ...]) -> bool:
    return any(
        code.co_name in names and code.co_filename.endswith(path)
        for code, _ in stack[-4:]
        for path, names in waits
    )


def _place(code: CodeType, line: int) -> Place:
    return Place(code.co_qualname, code.co_filename, code.co_firstlineno, line)


_hasty = 0
_hasty_lock = threading.Lock()
_usual_s = 0.0


def _hasten() -> None:
    global _hasty, _usual_s
    with _hasty_lock:
        _hasty += 1
        if _hasty == 1:
            _usual_s = sys.getswitchinterval()
            sys.setswitchinterval(min(SWITCH_S, _usual_s))


def _slacken() -> None:
    global _hasty
    with _hasty_lock:
        _hasty -= 1
        if not _hasty:
            sys.setswitchinterval(_usual_s)
