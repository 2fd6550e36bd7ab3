"""Lets the end of a run cut short what is under way in another thread."""

import contextlib
import threading
from collections.abc import Callable, Iterator

import psycopg

from unslow.errors import UnslowError


class Stop:
    """Set once, when the run ends; runs what ends the work that is registered then."""

    def __init__(self) -> None:
        self._set = False
        self._ends: list[Callable[[], object]] = []
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def by(self, end: Callable[[], object]) -> Iterator[None]:
        """While inside, `end` is what stops the work. Raises UnslowError when it is too late."""
        with self._lock:
            if self._set:
                raise UnslowError("The run was stopped.")
            self._ends.append(end)
        try:
            yield
        finally:
            with self._lock:
                self._ends.remove(end)

    def set(self) -> None:
        with self._lock:
            self._set = True
            ends = tuple(self._ends)
        for end in reversed(ends):
            with contextlib.suppress(OSError, psycopg.Error):  # it may have ended this moment
                end()
