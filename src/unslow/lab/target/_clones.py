"""Gives every launch its own databases: templates made once, clones of them per launch."""

import contextlib
import os
import shutil
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg

from unslow.demo.redis import redis
from unslow.errors import UnslowError
from unslow.lab.target import _postgres, _sqlite
from unslow.lab.target._broker import Answer
from unslow.lab.target._journal import PREFIX, Journal
from unslow.lab.target._postgres import Source
from unslow.lab.target._stop import Stop
from unslow.lab.target._tree import Trees
from unslow.lab.target._types import Database
from unslow.lab.target._wire import Connect
from unslow.progress import Progress

Key = Source | Path


@dataclass(frozen=True)
class Template:
    """A database of the user's, and our copy of it: a database's name or a file."""

    source: Key
    name: str


NONE: Mapping[Key, Template] = {}


class Templates:
    """The copies from which clones are made, in the order in which they were first needed."""

    def __init__(
        self,
        folder: Path,
        journal: Journal,
        trees: Trees,
        environment: Mapping[str, str],
        progress: Progress,
    ) -> None:
        self.folder = folder
        self.journal = journal
        self.trees = trees
        self.environment = environment
        self._progress = progress
        self._made: dict[Key, Template] = {}
        self._told: set[str] = set()
        self._alive: dict[str, Source] = {}  # databases of ours on a server
        self._count = 0
        self._lock = threading.RLock()
        self._stop = Stop()
        self.busy = False

    @property
    def known(self) -> tuple[Template, ...]:
        return tuple(self._made.values())

    def template(self, source: Key) -> Template:
        with self._lock:
            if source not in self._made:
                self.busy = True
                try:
                    self._made[source] = self._make(source)
                finally:
                    self.busy = False
            return self._made[source]

    @property
    def databases(self) -> tuple[Database, ...]:
        """The copies themselves. Whoever changes one must leave it before the next launch."""
        return tuple(
            Database("postgresql", one.source.dsn(one.name), one.name, one.source.name)
            if isinstance(one.source, Source)
            else Database("sqlite", one.name, Path(one.name).name, str(one.source))
            for one in self._made.values()
        )

    def stop(self) -> None:
        """Cut short a copy that is being made: the run is over."""
        self._stop.set()

    def new_name(self) -> str:
        with self._lock:
            self._count += 1
            return f"{PREFIX}{self.journal.key}_{self._count}"

    def will_make(self, source: Source, name: str) -> None:
        """Write down a database before it is made, so that a kill cannot hide it."""
        self.journal.made_database(source, name)
        self._alive[name] = source

    def drop(self, name: str) -> None:
        """Drop one of our databases; raises psycopg.Error or UnslowError."""
        if name in self._alive:
            _postgres.drop(self._alive[name], name)
            self.journal.dropped_database(name)
            del self._alive[name]

    def drop_all(self) -> None:
        for name in tuple(self._alive):
            with contextlib.suppress(psycopg.Error, UnslowError):
                self.drop(name)
        self._made.clear()

    @property
    def left(self) -> tuple[str, ...]:
        """The databases that could not be dropped."""
        return tuple(self._alive)

    def _tell(self, what: str) -> None:
        """Once, however often the application tries to connect."""
        if what not in self._told:
            self._told.add(what)
            self._progress.note(what)

    def _make(self, source: Key) -> Template:
        name = self.new_name()
        if isinstance(source, Path):
            self._tell(f"Cloning the SQLite database {source.name}")
            self.folder.mkdir(exist_ok=True)
            _sqlite.make_template(source, self.folder / name)
            return Template(source, str(self.folder / name))
        size = f"{_postgres.size_bytes(source) / 2**20:.0f} MB"
        self._tell(f"Cloning the database {source.name} on {source.where} ({size})")
        with contextlib.suppress(psycopg.Error):
            self.journal.drop_left_behind(source)
        self.will_make(source, name)
        _postgres.make_template(source, name, self._stop)
        return Template(source, name)


class Clones:
    """The databases and Redis servers of one launch."""

    def __init__(
        self,
        templates: Templates,
        folder: Path,
        sql: Sequence[str],
        prepared: Mapping[Key, Template] = NONE,
    ) -> None:
        self._templates = templates
        self._folder = folder
        self._sql = tuple(sql)
        self._databases: dict[Key, Database] = {}
        self._caches: dict[tuple[str, int], tuple[str, int]] = {}
        self._cache_pids: list[int] = []
        self._stack = ExitStack()
        self._lock = threading.RLock()
        self._closed = False
        for template in templates.known:
            self._clone(prepared.get(template.source, template))
        self._prepare()

    @property
    def databases(self) -> tuple[Database, ...]:
        return tuple(self._databases.values())

    @property
    def busy(self) -> bool:
        """Whether the application waits for a copy of its database to be made."""
        return self._templates.busy

    @property
    def cache_pids(self) -> tuple[int, ...]:
        return tuple(self._cache_pids)

    def answer(self, question: Connect) -> Answer:
        """Where the application is to connect instead. Raises UnslowError."""
        with self._lock:
            if self._closed:
                raise UnslowError("unslow is stopping this application")
            match question.engine:
                case "postgresql":
                    source = _postgres.source_of(question.params, self._templates.environment)
                    database = self._database(source)
                    return {"params": {**question.params, "dbname": database.name}}
                case "sqlite":
                    path = self._templates.trees.original(Path(question.path).resolve())
                    return {"path": self._database(path).dsn}
                case "redis":
                    host, port = self._cache(question.host or "localhost", question.port or 6379)
                    return {"host": host, "port": port, "db": question.db}
                case engine:
                    raise UnslowError(f"unslow cannot clone a {engine} database yet")

    def kept(self) -> dict[Key, Template]:
        """The databases as they are now, as templates for other launches; nothing else remains."""
        with self._lock:
            self._closed = True
            self._stack.close()
            for source, database in self._databases.items():
                if isinstance(source, Source):
                    _postgres.settle(source, database.name)
            return {
                source: Template(
                    source, database.name if isinstance(source, Source) else database.dsn
                )
                for source, database in self._databases.items()
            }

    def drop(self) -> None:
        with self._lock:
            self._closed = True
            self._stack.close()
            for database in self._databases.values():
                # What cannot be dropped now is tried again at the end, then by the next run.
                with contextlib.suppress(psycopg.Error, UnslowError):
                    self._templates.drop(database.name)
            self._databases.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _database(self, source: Key) -> Database:
        if source not in self._databases:
            if isinstance(source, Path) and source.is_relative_to(self._folder.parent):
                return Database("sqlite", str(source), source.name, str(source))  # a temporary one
            first = not self._databases
            self._clone(self._templates.template(source))
            if first:
                self._prepare()
        return self._databases[source]

    def _clone(self, template: Template) -> None:
        name = self._templates.new_name()
        source = template.source
        if isinstance(source, Source):
            self._templates.will_make(source, name)
            _postgres.clone(source, template.name, name)
            database = Database("postgresql", source.dsn(name), name, source.name)
        else:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"{name}.sqlite3"
            shutil.copyfile(template.name, path)
            database = Database("sqlite", str(path), name, str(source))
        self._databases[source] = database

    def _prepare(self) -> None:
        """Run the candidate's SQL on the first database that has what it names."""
        refusal: Exception | None = None
        for source, database in self._databases.items() if self._sql else ():
            try:
                if isinstance(source, Source):
                    _postgres.run(source, database.name, self._sql)
                else:
                    _sqlite.run(Path(database.dsn), self._sql)
            except (psycopg.Error, sqlite3.Error) as error:
                refusal = refusal or error
            else:
                return
        if refusal:
            raise UnslowError(f"The clone refused {'; '.join(self._sql)}: {refusal}") from refusal

    def _cache(self, host: str, port: int) -> tuple[str, int]:
        if (host, port) not in self._caches:
            server = self._stack.enter_context(redis())
            self._caches[host, port] = (server.host, server.port)
            self._cache_pids.append(server.pid)
        return self._caches[host, port]


def environment_of(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment an application starts from: ours and the target's own."""
    return {**os.environ, **extra}
