"""Remembers on disk what a run has made, so that a later run removes it after a kill."""

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from uuid import uuid4

import psycopg

from unslow.errors import UnslowError
from unslow.lab.target import _postgres, _process
from unslow.lab.target._postgres import Source, source_at

PREFIX = "unslow_"  # of every database that is ours; the run's key follows


FORGET_S = 7 * 24 * 3600  # the embedded server of a killed demo, for one, never comes back


class Journal:
    """The record of one run. Its lock tells that the run lives: the kernel lifts it at the end.

    Passwords are never written: a database that cannot be dropped without one is dropped when a
    later run reaches the same server with the application's own password.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or _state_folder()
        self.key = uuid4().hex[:8]
        self.path = self.folder / f"{self.key}.jsonl"
        self._file = self.path.open("a+", encoding="utf-8")
        self.path.chmod(0o600)
        self._lock = threading.Lock()
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def made_folder(self, path: Path) -> None:
        self._write({"folder": str(path)})

    def made_database(self, source: Source, name: str) -> None:
        reach = source.without_password().reach
        self._write({"database": name, "reach": reach, "of": source.name})

    def dropped_database(self, name: str) -> None:
        self._write({"dropped": name})

    def close(self, *, clean: bool) -> None:
        """Forget the run when everything is gone; else leave the record for a later run."""
        if clean:
            self.path.unlink(missing_ok=True)
        self._file.close()

    def clean_up_dead_runs(self) -> tuple[str, ...]:
        """Remove what killed runs left. Returns the databases that their server will not drop.

        A server that is not running is tried again by later runs, without a word.
        """
        refused: list[str] = []
        for path in sorted(self.folder.glob("*.jsonl")):
            with _dead(path) as record:
                if record is not None:
                    left = _clean_up(record)
                    if not left or _age_s(path) > FORGET_S:
                        path.unlink(missing_ok=True)
                    else:
                        refused += [name for name, is_refused in left.items() if is_refused]
        return tuple(refused)

    def drop_left_behind(self, source: Source) -> None:
        """Drop databases that killed runs of this machine left on a server we can reach now."""
        for name in _postgres.databases_like(source, PREFIX):
            path = self.folder / f"{name.removeprefix(PREFIX)[:8]}.jsonl"
            if path.exists():
                with _dead(path) as record:
                    if record is not None:
                        _postgres.drop(source, name)
                        with path.open("a", encoding="utf-8") as file:
                            file.write(json.dumps({"dropped": name}) + "\n")
                        if not _clean_up(_lines(path)):
                            path.unlink(missing_ok=True)

    def _write(self, entry: dict[str, object]) -> None:
        with self._lock:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()


def _age_s(path: Path) -> float:
    return time.time() - path.stat().st_mtime


Record = list[dict[str, object]]


def _state_folder() -> Path:
    """Where the user's programs keep state; the temporary folder where that is read-only."""
    home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    fallback = Path(tempfile.gettempdir()) / f"unslow-{os.getuid()}"
    for folder in (Path(home).expanduser() / "unslow" / "runs", fallback):
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if os.access(folder, os.W_OK):
                return folder
    raise UnslowError(f"unslow needs a folder for its state; {fallback} cannot be written.")


@contextlib.contextmanager
def _dead(path: Path) -> Iterator[Record | None]:
    """The entries of a run that is over, held locked; None while it lives."""
    try:
        file: IO[str] = path.open("r+", encoding="utf-8")
    except FileNotFoundError:
        yield None
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield _lines(path)


def _lines(path: Path) -> Record:
    entries: Record = []
    for line in path.read_text("utf-8").splitlines():
        with contextlib.suppress(ValueError):  # the last line of a killed run may be cut off
            entries.append(json.loads(line))
    return entries


def _clean_up(record: Record) -> dict[str, bool]:
    """Remove folders, processes and databases of a dead run. Returns the databases that remain,
    true where their server refused."""
    for entry in record:
        if folder := entry.get("folder"):
            _process.kill_marked(str(folder))
            shutil.rmtree(str(folder), ignore_errors=True)
    dropped = {entry["dropped"] for entry in record if "dropped" in entry}
    left: dict[str, bool] = {}
    for entry in record:
        name = entry.get("database")
        if isinstance(name, str) and name not in dropped:
            try:
                _postgres.drop(_source(entry), name)
            except _postgres.ServerGone:
                left[name] = False
            except (psycopg.Error, UnslowError):
                left[name] = True
    return left


def _source(entry: dict[str, object]) -> Source:
    pairs = entry.get("reach")
    reach = tuple((str(key), str(value)) for key, value in pairs) if isinstance(pairs, list) else ()
    return source_at(str(entry.get("of")), reach)
