"""Adds up the CPU of an application, its database backends and its caches."""

import time

from unslow.lab.target import _process
from unslow.lab.target._broker import Broker
from unslow.lab.target._clones import Clones
from unslow.lab.target._types import Cpu

NOT_COUNTED = "this kernel does not count the CPU time of other processes"
ELSEWHERE = (
    "a database backend runs where its CPU is not seen, in a container or on another machine"
)
REFRESH_S = 1.0  # how often the process tree is walked; recorded processes are known at once


class Meter:
    """Cumulative counters of one launch; what has ended keeps the last value seen of it."""

    def __init__(self, pid: int, broker: Broker, clones: Clones) -> None:
        self._pid = pid
        self._broker = broker
        self._clones = clones
        self._processes: dict[int, int] = {}
        self._backends: dict[int, int] = {}
        self._waits: dict[int, int] = {}
        self._here: dict[int, int | None] = {}  # a backend's own number -> ours
        self._missing: set[int] = set()  # backends that were gone when first looked for
        self._ended_ns = 0
        self._unseen = ""
        self._walked = (0.0, 0)

    def read(self) -> Cpu:
        self._broker.pump()
        self._walk()
        for pid in self._processes:
            self._processes[pid] = self._read(pid, self._processes[pid])
        if not any(self._processes.values()):
            self._miss(NOT_COUNTED)
        for number in tuple(self._broker.backends):
            if (place := self._place(number)) is not None:
                self._backends[number] = self._read(place, self._backends.get(number, 0))
        for pid in self._clones.cache_pids:
            self._backends[-pid] = self._read(pid, self._backends.get(-pid, 0))
        self._end_backends()
        return Cpu(
            app_ns=sum(self._processes.values()),
            backend_ns=self._ended_ns + sum(self._backends.values()),
            waiting_ns=sum(self._waits.values()),
            unseen=self._unseen,
        )

    def _miss(self, reason: str) -> None:
        self._unseen = self._unseen or reason

    def _read(self, pid: int, last_seen: int) -> int:
        self._waits.update(_process.waiting_ns(pid))
        return _process.cpu_ns(pid) or last_seen

    def _walk(self) -> None:
        then, hellos = self._walked
        now = time.monotonic()
        if now - then > REFRESH_S or len(self._broker.hellos) > hellos:
            self._walked = (now, len(self._broker.hellos))
            for pid in _process.descendants(self._pid):
                self._processes.setdefault(pid, 0)

    def _place(self, number: int) -> int | None:
        """The process of a backend; None when it runs elsewhere: the number is its server's."""
        if number not in self._here:
            names = [database.name for database in self._clones.databases]
            line = _process.command_line(number)
            if any(name in line for name in names):
                self._here[number] = number
            elif not line and number not in self._missing:  # ended just now: its close will tell
                self._missing.add(number)
                return None
            else:  # in a container, or on another machine
                found = (_process.in_namespace(number, name) for name in names)
                self._here[number] = next((pid for pid in found if pid), None)
                if self._here[number] is None:
                    self._miss(ELSEWHERE)
        return self._here[number]

    def _end_backends(self) -> None:
        closed = self._broker.closed_backends
        while closed:
            backend = closed.pop()
            number = backend.pid
            if number in self._missing and not backend.cpu_ns:
                self._miss(ELSEWHERE)
            self._missing.discard(number)
            last_seen = self._backends.pop(number, 0)
            # What the application read of its backend is true only if it sees the same numbers.
            is_same = self._here.pop(number, number) == number
            self._ended_ns += max(last_seen, backend.cpu_ns) if is_same else last_seen
