"""Adds up the CPU of an application, its database backends and its caches."""

import time

from unslow.lab.target import _process
from unslow.lab.target._broker import Broker
from unslow.lab.target._clones import Clones
from unslow.lab.target._types import Cpu

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
        self._is_backend: dict[int, bool] = {}
        self._ended_ns = 0
        self._seen = True
        self._walked = 0.0

    def read(self) -> Cpu:
        self._broker.pump()
        self._walk()
        for pid in self._processes:
            self._processes[pid] = _process.cpu_ns(pid) or self._processes[pid]
            self._waits.update(_process.waiting_ns(pid))
        for pid in self._live_backends():
            self._backends[pid] = _process.cpu_ns(pid) or self._backends.get(pid, 0)
            self._waits.update(_process.waiting_ns(pid))
        self._end_backends()
        return Cpu(
            app_ns=sum(self._processes.values()),
            backend_ns=self._ended_ns + sum(self._backends.values()),
            waiting_ns=sum(self._waits.values()),
            backends_seen=self._seen,
        )

    def _walk(self) -> None:
        now = time.monotonic()
        if now - self._walked > REFRESH_S or len(self._broker.hellos) >= len(self._processes):
            self._walked = now
            for pid in _process.descendants(self._pid):
                self._processes.setdefault(pid, 0)

    def _live_backends(self) -> list[int]:
        pids = [pid for pid in tuple(self._broker.backends) if self._visible(pid)]
        return [*pids, *self._clones.cache_pids]

    def _visible(self, pid: int) -> bool:
        """Whether the number is that of a backend here: it may come from another machine."""
        if pid not in self._is_backend:
            names = [database.name for database in self._clones.databases]
            line = _process.command_line(pid)
            self._is_backend[pid] = any(name in line for name in names)
            self._seen = self._seen and (self._is_backend[pid] or not line)
        return self._is_backend[pid]

    def _end_backends(self) -> None:
        closed = self._broker.closed_backends
        while closed:
            backend = closed.pop()
            self._is_backend.pop(backend.pid, None)
            self._ended_ns += max(self._backends.pop(backend.pid, 0), backend.cpu_ns)
