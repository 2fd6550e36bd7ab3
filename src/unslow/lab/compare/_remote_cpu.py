"""The CPU of a service that somebody else started: its processes, and the databases it works on."""

import contextlib
import math
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from unslow.lab.compare import _remote_sockets as sockets
from unslow.lab.compare._remote_sockets import Tcp, Unix
from unslow.lab.target import _process

REFRESH_S = 1.0  # how often new processes are looked for during a block
WATCH_S = 0.002  # a connection to PostgreSQL takes longer than this to open
# Servers that do the work they are asked for in the process that is asked. A proxy does not.
DATABASES = frozenset(
    {"postgres", "redis-server", "valkey-server", "memcached", "mysqld", "mariadbd"}
)
PER_CONNECTION = frozenset({"postgres"})  # a process that serves nobody else


@dataclass(frozen=True)
class Place:
    """What a service holds a connection to, as text for people; `pid` is 0 when it is not seen."""

    text: str
    pid: int = 0


@dataclass
class Accounting:
    """The processes behind a port. `own` work for this service alone, `shared` for others too.

    `unseen` says why the CPU is not all of what a request costs; it never becomes empty again.
    """

    port: int
    own: dict[int, int] = field(default_factory=dict)  # pid -> ns since it was first looked at
    shared: set[int] = field(default_factory=set)
    unseen: str = ""
    _first: dict[int, int] = field(default_factory=dict)
    _waits: dict[int, int] = field(default_factory=dict)
    _listeners: tuple[int, ...] = ()
    _walked: float = -math.inf

    def own_ns(self) -> int:
        """Cumulative; a process that has ended keeps what was last seen of it."""
        if time.monotonic() - self._walked > REFRESH_S:
            self._add_own(self._families())
        for pid, last_seen in self.own.items():
            now = _process.cpu_ns(pid)
            self.own[pid] = last_seen if now is None else now - self._first[pid]
        return sum(self.own.values())

    def waiting_ns(self) -> int:
        """How long the live processes have been ready and waited for a core."""
        for pid in self.own:
            self._waits.update(_process.waiting_ns(pid))
        return sum(self._waits.values())

    def look(self) -> None:
        """Find the processes and what they are connected to, now. Takes a while."""
        processes = self.processes()
        if not processes:
            self._miss("the processes that listen there cannot be looked into (another user's?)")
        self._add_own(processes)
        for place in connections(frozenset(processes), self.port):
            if not place.pid:
                self._miss(f"it works for the service at {place.text}, where CPU is not seen")
            elif _name(place.pid) in PER_CONNECTION:
                self._add_own((place.pid,))
            else:
                self.shared.add(place.pid)

    def processes(self) -> tuple[int, ...]:
        """The live processes that listen on the port, and their children."""
        self._listeners = tuple(sorted(sockets.holders_of_port(self.port)))
        return self._families()

    def _families(self) -> tuple[int, ...]:
        self._walked = time.monotonic()
        every = (pid for one in self._listeners for pid in _process.descendants(one))
        return tuple(dict.fromkeys(every))

    def _add_own(self, pids: tuple[int, ...]) -> None:
        for pid in pids:
            now = _process.cpu_ns(pid)
            if now is None and Path(f"/proc/{pid}").exists():
                self._miss("this kernel does not tell the CPU time of other processes")
            self._first.setdefault(pid, now or 0)
            self.own.setdefault(pid, 0)

    def _miss(self, reason: str) -> None:
        self.unseen = self.unseen or reason


class Shared:
    """The CPU of servers that work for several services, such as a Redis."""

    def __init__(self, accountings: Sequence[Accounting]) -> None:
        self._accountings = accountings
        self._first: dict[int, int] = {}
        self._known: dict[int, int] = {}

    def ns(self) -> int:
        for pid in {pid for accounting in self._accountings for pid in accounting.shared}:
            now = _process.cpu_ns(pid)
            if now is not None:
                self._known[pid] = now - self._first.setdefault(pid, now)
        return sum(self._known.values())


class Watch:
    """Sees connections that live no longer than a request: nobody can count their backends."""

    def __init__(self, accounting: Accounting) -> None:
        self._accounting = accounting
        self.seen: dict[int, str] = {}  # inode -> where it leads
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._ended.set()
        self._thread.join()
        self._accounting.look()
        lasting = sockets.held(self._accounting.processes())
        for inode, text in self.seen.items():
            if inode not in lasting:
                self._accounting.unseen = self._accounting.unseen or (
                    f"the service connects to {text} anew for each request, "
                    "and the CPU of what serves it ends with it"
                )

    def _run(self) -> None:
        processes = frozenset(self._accounting.processes())
        known: set[int] = set()
        while not self._ended.wait(WATCH_S):
            fresh = sockets.held(processes) - known
            if fresh:
                known |= fresh
                for inode, text in _leading(processes, self._accounting.port, fresh):
                    self.seen[inode] = text


def connections(processes: frozenset[int], port: int) -> Iterator[Place]:
    """What the processes behind `port` are connected to, apart from each other and their callers.

    Loopback and unix sockets are followed to the process at the other end.
    """
    held = sockets.held(processes)
    table = tuple(sockets.tcp())
    outgoing = [one for one in _outgoing(table, port) if one.inode in held]
    ends = {one.local + one.remote: one.inode for one in table}
    others = {ends.get(one.remote + one.local, 0) for one in outgoing}
    dialled = _dialled(held)
    if dialled is None:
        yield Place("a unix socket that this kernel does not show")
        dialled = []
    others |= {one.peer for one in dialled}
    holder = sockets.holders(others - {0})
    for one in outgoing:
        pid = holder.get(ends.get(one.remote + one.local, 0), 0)
        if pid not in processes:
            text = f"{one.remote[0]}:{one.remote[1]}"
            yield Place(text, _database(pid) or _by_title(one))
    for pair in dialled:
        pid = holder.get(pair.peer, 0)
        if pid not in processes:
            yield Place(pair.path or "an unnamed unix socket", _database(pid))


def _leading(
    processes: frozenset[int], port: int, inodes: frozenset[int]
) -> Iterator[tuple[int, str]]:
    """Where those of `inodes` lead that the processes dialled themselves."""
    own = sockets.held(processes)
    for one in _outgoing(tuple(sockets.tcp()), port):
        if one.inode in inodes:
            yield one.inode, f"{one.remote[0]}:{one.remote[1]}"
    for pair in _dialled(inodes) or ():
        if pair.peer not in own:
            yield pair.inode, pair.path or "an unnamed unix socket"


def _outgoing(table: tuple[Tcp, ...], port: int) -> Iterator[Tcp]:
    for one in table:
        if not one.listens and one.local[1] != port:
            yield one


def _dialled(held: frozenset[int]) -> list[Unix] | None:
    """Unix sockets that lead out of the set, except to the machine's own services."""
    pairs = sockets.unix()
    if pairs is None:
        return None
    return [
        pairs[inode]
        for inode in held
        if inode in pairs
        and pairs[inode].peer not in held
        and not pairs[inode].path.startswith("/run/systemd/")
    ]


def _database(pid: int) -> int:
    return pid if pid and _name(pid) in DATABASES else 0


def _by_title(one: Tcp) -> int:
    """The process of a backend that belongs to another user, by the title that it shows."""
    host, port = one.local
    for marks in ((f"{host}({port})",), (f":{one.remote[1]}", "redis-server")):
        for pid in _process.all_pids():
            if one.remote[0].is_loopback and all(
                mark in _process.command_line(pid) for mark in marks
            ):
                return _database(pid)
    return 0


def _name(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""
