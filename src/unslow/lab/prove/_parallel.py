"""Runs what no clock watches on two cores, and ends it at once when the user interrupts."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from unslow.progress import Progress

Result = TypeVar("Result")

MOST_AT_ONCE = 2  # each task keeps an application and a database backend busy


class Stopped(Exception):
    """The main thread was interrupted; the task ends here."""


class Stoppable:
    """Progress for a thread: shows steps, and ends the thread when `stop` was called."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def stage(self, name: str, total: int | None = None) -> None:
        with self._lock:
            self._progress.stage(name, total)

    def step(self, detail: str, advance: int = 1, seconds_left: float | None = None) -> None:
        if self._stopping.is_set():
            raise Stopped
        with self._lock:
            self._progress.step(detail, advance, seconds_left)

    def note(self, message: str) -> None:
        with self._lock:
            self._progress.note(message)

    def stop(self) -> None:
        self._stopping.set()


def at_once(tasks: Sequence[Callable[[Progress], Result]], progress: Progress) -> list[Result]:
    """The results of `tasks` in their order. Each is given a progress that is safe in a thread."""
    watched = Stoppable(progress)
    width = min(MOST_AT_ONCE, len(os.sched_getaffinity(0)), max(len(tasks), 1))
    with ThreadPoolExecutor(width) as pool:
        futures = [pool.submit(task, watched) for task in tasks]
        try:
            return [future.result() for future in futures]
        except BaseException:
            watched.stop()
            pool.shutdown(cancel_futures=True)
            raise
