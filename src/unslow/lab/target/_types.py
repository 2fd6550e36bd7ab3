"""What the target is, and what a running copy of it tells."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from unslow.errors import UnslowError
from unslow.lab.target._settings import RouteMask
from unslow.model import Import, Model, Route, Server

Level = Literal["off", "light", "full"]
Engine = Literal["postgresql", "sqlite", "redis"]


@dataclass(frozen=True)
class Target:
    """An application and how it is started.

    `root` is the folder whose files are application code; the command runs in `root / folder`.
    `command` is the normal start command; its bind address is replaced at each launch. `sources`
    are packages outside the root that count as application code too. `env` is added to the
    environment of this process. `masks` says by glob of routes what is not compared.
    """

    root: Path
    command: tuple[str, ...]
    python: Path
    kind: str = "wsgi"
    folder: str = ""
    sources: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    start_timeout_s: float = 120.0
    masks: dict[str, RouteMask] = field(default_factory=dict)


@dataclass(frozen=True)
class Tree:
    """A private copy of the application's sources with patches applied.

    `root` mirrors the target's root, `overlay` holds copies of the installed source packages.
    `prepare` are commands that run on each clone before the start; a non-empty `command` starts
    this tree instead of the target's own.
    """

    key: str
    root: Path
    overlay: Path
    prepare: tuple[tuple[str, ...], ...] = ()
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class Start:
    """One application to start: `sql` runs on its clone first, `env` is for this arm alone."""

    tree: Tree
    arm: str
    sql: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


class StartFailed(UnslowError):
    """One of several applications did not start; `arm` tells which."""

    def __init__(self, arm: str, message: str) -> None:
        super().__init__(message)
        self.arm = arm


@dataclass(frozen=True)
class Database:
    """A clone that a running application works on.

    `dsn` is a libpq connection string for "postgresql", a path for "sqlite". `source` is the
    database that was cloned (its name or path), for display.
    """

    engine: Engine
    dsn: str
    name: str
    source: str = ""


@dataclass(frozen=True)
class Cpu:
    """Nanoseconds since the launch: CPU of the application's processes, CPU of its database
    backends (and its Redis), and the time the application's threads waited for a core.

    `unseen` says what is not counted, and why ("a database on another machine"); "" when all is.
    """

    app_ns: int
    backend_ns: int
    waiting_ns: int
    unseen: str = ""

    @property
    def total_ns(self) -> int:
        return self.app_ns + self.backend_ns


class Description(msgspec.Struct, frozen=True):
    """What the application says of itself. Sites are relative to the lab's roots."""

    kind: str = "wsgi"
    framework: str = ""
    python: str = ""
    database: str = ""
    routes: tuple[Route, ...] = ()
    models: tuple[Model, ...] = ()
    packages: dict[str, str] = {}
    server: Server | None = None
    imports: tuple[Import, ...] = ()
