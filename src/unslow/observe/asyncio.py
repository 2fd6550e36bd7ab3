"""asyncio: what keeps the event loop from running, with the line that does it.

A thread asks the loop for a sign of life every few milliseconds while a request is under way. A
loop that does not give one is stopped in some call: its thread's stack says which. What the thread
used of the processor, how long it waited for one, and whether it does so right now, is the kernel's
own account: a busy machine lengthens no stop.
"""

import sys
import threading
import time
from asyncio.events import get_running_loop
from collections import Counter
from types import CodeType, FrameType, ModuleType
from typing import Any

from unslow.observe import _boundary, _record, _sites, _wire
from unslow.observe._patch import Function, wrap
from unslow.observe._sites import Site

MODULES = ("asyncio.events",)

PAUSE_S = 0.002
LATE_S = 0.003  # without a sign of life for so long, the loop is looked at
LONGEST_S = 30.0

_watches: dict[int, "_Watch"] = {}
_observers: set[CodeType] = set()  # their frames hold the request that they serve


def install(module: ModuleType) -> None:
    if _record.level() == "full":
        wrap(_boundary, "_observe_asgi", _observed)


def _observed(original: Function) -> Function:
    async def observe(record: _record.RequestRecord, *args: Any) -> None:
        watch = _begin(record)
        try:
            await original(record, *args)
        finally:
            if watch is not None:
                watch.end(record)

    _observers.add(observe.__code__)
    return observe


@_wire.safely
def _begin(record: _record.RequestRecord) -> "_Watch | None":
    loop = get_running_loop()
    watch = _watches.get(id(loop))
    if watch is None or not watch.is_alive() or watch.loop is not loop:
        watch = _watches[id(loop)] = _Watch(loop)
        watch.start()
    watch.begin(record)
    return watch


class _Watch(threading.Thread):
    """Looks after one loop for as long as requests are under way in it."""

    def __init__(self, loop: Any) -> None:
        super().__init__(name="unslow-loop", daemon=True)
        self.loop = loop
        self._watched = threading.get_ident()
        self._task = f"/proc/self/task/{threading.get_native_id()}"
        self._open: list[_record.RequestRecord] = []
        self._busy = threading.Event()

    def begin(self, record: _record.RequestRecord) -> None:
        self._open.append(record)
        self._busy.set()

    def end(self, record: _record.RequestRecord) -> None:
        self._open.remove(record)
        if not self._open:
            self._busy.clear()

    def run(self) -> None:
        while not self.loop.is_closed():
            if not self._busy.wait(1.0):
                continue
            try:
                self._look()
            except RuntimeError:
                return  # the loop was closed in between
            except Exception as problem:  # noqa: BLE001
                _wire.error(problem)
                return
            time.sleep(PAUSE_S)

    def _look(self) -> None:
        alive = threading.Event()
        account = _Account(self._task)
        self.loop.call_soon_threadsafe(alive.set)
        if alive.wait(LATE_S):
            return
        stretch: _Stretch | None = None
        while not alive.is_set() and time.perf_counter() - account.started < LONGEST_S:
            frame = sys._current_frames().get(self._watched)
            record = self._served(frame)
            if frame is not None and record is not None:
                if stretch is None or stretch.record is not record:
                    # The one before may have ended after the question was put.
                    stretch = _Stretch(record, _Account(self._task) if stretch else account)
                stretch.add(_sites.application_stack(frame=frame), _called(frame))
                stretch.note()
            del frame
            alive.wait(PAUSE_S)

    def _served(self, frame: FrameType | None) -> _record.RequestRecord | None:
        """The request that the loop works for: one may close its session while the next begins."""
        at = frame
        while at is not None:
            if at.f_code in _observers:
                found: _record.RequestRecord = at.f_locals["record"]
                return found
            at = at.f_back
        return self._open[0] if len(self._open) == 1 else None


class _Account:
    """What a thread does with its time, brought up to date at each look."""

    def __init__(self, task: str) -> None:
        self._task = task
        self._at = self.started = time.perf_counter()
        self._run, self._delay = self._used()
        self.ran = self.waited = 0.0

    def look(self) -> None:
        """Add what happened since; the kernel counts a delay only when it is over."""
        now, (run, delay) = time.perf_counter(), self._used()
        if not self._wants_processor():
            self.waited += max(0.0, now - self._at - (run - self._run) - (delay - self._delay))
        self.ran += run - self._run
        self._at, self._run, self._delay = now, run, delay

    def _used(self) -> tuple[float, float]:
        """Seconds on a processor, and seconds of waiting for one."""
        try:
            with open(f"{self._task}/schedstat", encoding="ascii") as file:
                run, delay, *_ = file.read().split()
        except (OSError, ValueError):
            return 0.0, 0.0
        return int(run) / 1e9, int(delay) / 1e9

    def _wants_processor(self) -> bool:
        try:
            with open(f"{self._task}/stat", encoding="ascii", errors="replace") as file:
                return file.read().rpartition(")")[2].split()[0] == "R"
        except (OSError, IndexError):
            return False


def _called(frame: FrameType) -> str:
    """The innermost function, by its module and name."""
    return f"{frame.f_globals.get('__name__', '')}.{frame.f_code.co_qualname}"


class _Stretch:
    """A stretch in which the loop stands, shared among the places seen by how often they were.

    It is noted anew at each look, since the request may end together with it.
    """

    def __init__(self, record: _record.RequestRecord, account: _Account) -> None:
        self.record = record
        self._account = account
        self._before = list(record.parts.get("blocks", ()))
        self._seen: Counter[tuple[Any, ...]] = Counter()
        self._stacks: dict[tuple[Any, ...], list[Site]] = {}

    def add(self, stack: list[Site], called: str) -> None:
        key = (*map(id, stack), called)
        self._stacks[key] = stack
        self._seen[key] += 1

    def note(self) -> None:
        record, account = self.record, self._account
        if record.closed:
            return
        account.look()
        total = sum(self._seen.values())
        record.parts["blocks"] = [
            *self._before,
            *(
                {
                    "start_ms": (account.started - record.started) * 1000,
                    "duration_ms": (account.ran + account.waited) * 1000 * times / total,
                    "waited_ms": account.waited * 1000 * times / total,
                    "call": key[-1],
                    "stack": self._stacks[key],
                }
                for key, times in self._seen.items()
            ),
        ]
