"""The lab: private copies of an application, running side by side on clones of its data."""

import contextlib
import itertools
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from types import FrameType, TracebackType

from unslow.errors import UnslowError, UsageError
from unslow.lab.target import _checks, _commands, _interpreter, _launch, _prepare, _process
from unslow.lab.target._broker import Broker
from unslow.lab.target._clones import NONE, Clones, Key, Template, Templates, environment_of
from unslow.lab.target._journal import Journal
from unslow.lab.target._launch import Spec
from unslow.lab.target._running import Running
from unslow.lab.target._sites import Relative
from unslow.lab.target._tree import Trees
from unslow.lab.target._types import Database, Description, Level, Start, StartFailed, Target, Tree
from unslow.model import Patch
from unslow.progress import Progress

SOCKET_PATH_MAX = 90  # the kernel's limit is 108 bytes, the launch's own folder included
PORT_ATTEMPTS = 3
ENDING = (signal.SIGTERM, signal.SIGHUP)


class Lab:
    """Owns the temporary folder, the clones and the processes; leaving it removes all of them.

    Use as a context manager in the main thread. The original sources and databases are only read.
    With a `ground` the sources count as they are with that patch: `tree()` has it, `read` shows it.
    Several labs of one application start faster with a folder for what Python compiles, `compiled`.
    """

    def __init__(
        self,
        target: Target,
        progress: Progress,
        ground: Patch | None = None,
        compiled: Path | None = None,
    ) -> None:
        self.target = target
        self._compiled = compiled
        self._ground = ground
        self.progress = progress
        self._running: list[Running] = []
        self._prepared_data: dict[str, Mapping[Key, Template]] = {}
        self._preparing = threading.Lock()
        self._launches = itertools.count(1)
        self._left: tuple[str, ...] = ()
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> "Lab":
        with contextlib.ExitStack() as stack:
            stack.enter_context(_terminable())
            journal = Journal()
            stack.callback(self._close, journal)
            if left := journal.clean_up_dead_runs():
                self.progress.note(
                    f"A killed run left {len(left)} databases ({', '.join(left)}); they are "
                    "dropped as soon as an audit reaches their server again."
                )
            self._folder = _temporary_folder()
            journal.made_folder(self._folder)
            stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
            self._trees = Trees(self._folder, self.target.root, self._ground)
            self._templates = Templates(
                self._folder / "templates",
                journal,
                self._trees,
                environment_of(self.target.env),
                self.progress,
            )
            stack.callback(self._drop_all)
            stack.callback(_process.kill_marked, str(self._folder))
            stack.callback(lambda: self.stop_all(tuple(self._running)))
            stack.callback(self._templates.stop)
            self._prepare()
            stack.callback(_hold_signals)
            self._cleanup = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._cleanup.close()

    @property
    def roots(self) -> tuple[str, ...]:
        """The original source roots that site paths are relative to: the root, then the folders
        that hold the source packages."""
        return self._trees.roots

    def read(self, path: str) -> bytes:
        """The original bytes of the file that a site's `path` names. FileNotFoundError if none."""
        return self._trees.read(path)

    def tree(self, patches: Sequence[Patch] = ()) -> Tree:
        """A copy of the sources with `patches` applied; equal patches share one tree.

        Raises `unslow.lab.patching.Conflict` when the patches overlap.
        """
        return self._trees.tree(patches)

    def launch(
        self, tree: Tree, arm: str, *, record: Level = "off", sql: Sequence[str] = ()
    ) -> Running:
        """Starts the application from `tree` on fresh clones and waits until it answers.

        `sql` runs on the clone first (indexes). Raises UnslowError with the last lines that the
        application printed when it exits or does not answer in time.
        """
        return self._launch(Start(tree, arm, tuple(sql)), record, threading.Event())

    def launch_all(self, starts: Sequence[Start], *, record: Level = "off") -> tuple[Running, ...]:
        """Starts several applications at once and waits until all answer.

        Raises StartFailed for the first that does not; none is left running then.
        """
        given_up = threading.Event()
        with ThreadPoolExecutor(max_workers=max(1, len(starts))) as pool:
            futures = {pool.submit(self._launch, one, record, given_up): one for one in starts}
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                given_up.set()  # what still starts need not go on
        failed = [future for future in futures if future.exception()]
        if not failed:
            return tuple(future.result() for future in futures)
        self.stop_all([future.result() for future in futures if not future.exception()])
        cause = min(failed, key=lambda one: isinstance(one.exception(), _launch.GivenUp))
        try:
            cause.result()
        except UnslowError as error:
            raise StartFailed(futures[cause].arm, str(error)) from error
        raise AssertionError("unreachable: the future has failed")

    @contextlib.contextmanager
    def databases(self) -> Iterator[tuple[Database, ...]]:
        """Fresh clones of every database seen so far, for work that needs no application."""
        clones = Clones(self._templates, self._folder / f"data{next(self._launches)}", ())
        try:
            yield clones.databases
        finally:
            clones.drop()

    def change(self, work: Callable[[Database], None]) -> None:
        """Change the copies that clones are made from; launches from now on see it."""
        for template in self._templates.databases:
            work(template)

    def stop_all(self, runs: Sequence[Running]) -> None:
        """Stops several applications at once."""
        with ThreadPoolExecutor(max_workers=max(1, len(runs))) as pool:
            list(pool.map(Running.stop, runs))

    def _launch(self, start: Start, record: Level, given_up: threading.Event) -> Running:
        spec = self._spec(start, record)
        relative = self._relative(start.tree)
        with contextlib.ExitStack() as undo:
            prepared = self._prepared(start, relative, given_up)
            clones = Clones(self._templates, spec.folder / "data", start.sql, prepared)
            undo.callback(clones.drop)
            broker = Broker(spec.socket, clones.answer, relative)
            undo.callback(broker.close)
            for attempt in range(PORT_ATTEMPTS):
                process = _launch.start(spec, port := _launch.free_port())
                undo.callback(_process.stop, process, str(spec.socket))
                try:
                    port = _launch.wait_until_ready(spec, process, port, broker, clones, given_up)
                    break
                except _launch.PortTaken as error:
                    if attempt + 1 == PORT_ATTEMPTS:
                        raise _port_taken(self.target) from error
            running = Running(
                spec=spec,
                port=port,
                process=process,
                broker=broker,
                clones=clones,
                relative=relative,
                lab=self,
            )
            running.raise_problem()
            self._running.append(running)
            undo.pop_all()
        return running

    def _prepared(
        self, start: Start, relative: Relative, given_up: threading.Event
    ) -> Mapping[Key, Template]:
        """What a tree's own commands, its migrations, leave of the data: run once, then cloned."""
        if not start.tree.prepare:
            return NONE
        with self._preparing:
            if start.tree.key not in self._prepared_data:
                spec = self._spec(start, "off")
                clones = Clones(self._templates, spec.folder / "data", ())
                try:
                    _prepare.run(spec, clones, relative, given_up)
                except BaseException:
                    clones.drop()
                    raise
                self._prepared_data[start.tree.key] = clones.kept()
            return self._prepared_data[start.tree.key]

    def check(self, running: Running, description: Description) -> None:
        """Raises UnslowError when the database has no tables of the application, or no rows."""
        running.raise_problem()
        _checks.check(running.databases, description, self.progress)

    def learn(self, packages: dict[str, str], relative: Relative) -> None:
        """Count packages that the running application calls its own as application code."""
        for name, place in packages.items():
            path = Path(place)
            if path.exists() and not path.is_relative_to(self._folder) and self._is_outside(path):
                self._trees.add_package(path)
                relative.add(place, name)

    def stopped(self, running: Running) -> None:
        if running in self._running:
            self._running.remove(running)

    def _prepare(self) -> None:
        names = dict.fromkeys(self.target.sources)
        if module := _commands.module_of(self.target.command):
            names[module.partition(".")[0]] = None
        self._interpreter = _interpreter.inspect(
            self.target.python,
            tuple(names),
            cwd=self.target.root / self.target.folder,
            env=self.target.env,
        )
        for name in names:
            self._add_source(name)
        self._injection = _launch.make_injection(self._folder / "inject")

    def _add_source(self, name: str) -> None:
        found = self._interpreter.found.get(name)
        if found is None:
            if name in self.target.sources:
                raise UsageError(
                    f"The source package {name!r} is not installed for {self.target.python}."
                )
            return
        place = Path(found)
        if self._is_outside(place):
            self._trees.add_package(place)

    def _is_outside(self, place: Path) -> bool:
        """Whether a path is not copied with the root, being elsewhere or in an environment."""
        root = self.target.root
        return not place.is_relative_to(root) or "site-packages" in place.relative_to(root).parts

    def _spec(self, start: Start, record: Level) -> Spec:
        folder = self._folder / f"run{next(self._launches)}"
        folder.mkdir()
        target = self.target
        if start.tree.command:
            target = replace(target, command=start.tree.command)
        return Spec(
            target=target,
            tree=start.tree,
            arm=start.arm,
            level=record,
            folder=folder,
            pycache=self._compiled or self._folder / "pycache",
            python_path=self._python_path(start.tree),
            token=_launch.new_token(),
            packages=self._trees.packages,
            env=start.env,
        )

    def _python_path(self, tree: Tree) -> tuple[str, ...]:
        """The recorder, the copies of packages, and every entry of the path as the tree has it."""
        root = self.target.root
        copies = []
        for entry in map(Path, self._interpreter.path):
            if entry.is_relative_to(root):
                copy = tree.root / entry.relative_to(root)
                if copy.exists():
                    copies.append(str(copy))
        given = environment_of(self.target.env).get("PYTHONPATH", "").split(os.pathsep)
        others = [entry for entry in given if entry and not Path(entry).is_relative_to(root)]
        return (str(self._injection), str(tree.overlay), *copies, *others)

    def _relative(self, tree: Tree) -> Relative:
        folders = {str(tree.root): "", str(tree.overlay): ""}
        for name, place in self._trees.places.items():
            folders[str(place)] = name
        folders[str(self.target.root)] = ""
        return Relative(folders)

    def _close(self, journal: Journal) -> None:
        if self._left:
            self.progress.note(
                f"The server did not let go of {', '.join(self._left)}; the next run drops them."
            )
        journal.close(clean=not self._left)

    def _drop_all(self) -> None:
        self._templates.drop_all()
        self._left = self._templates.left


def _port_taken(target: Target) -> UnslowError:
    return UnslowError(
        f"{' '.join(target.command)!r} wants a port that is taken. unslow runs several copies at "
        "once: let the command listen on the port in the environment variable PORT."
    )


def _temporary_folder() -> Path:
    for parent in (tempfile.gettempdir(), "/tmp"):
        if len(parent) < SOCKET_PATH_MAX - len("/unslow-12345678/run1000/s"):
            return Path(tempfile.mkdtemp(prefix="unslow-", dir=parent)).resolve()
    raise UnslowError(f"The path of the temporary folder is too long: {tempfile.gettempdir()}")


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Turn the signals that end a command into an exception, so that everything is undone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, *ENDING)}
    for number in ENDING:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _hold_signals() -> None:
    """Hold off a second Ctrl-C until the cleanup is through."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, *ENDING):
            signal.signal(number, signal.SIG_IGN)
