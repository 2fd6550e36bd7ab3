"""Clones SQLite databases by the backup API; the original file is only read."""

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

from unslow.errors import UnslowError

MAGIC = b"SQLite format 3\x00"
WAL_VERSION = 2  # byte 18 of the header: the file is in write-ahead mode


def is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def make_template(source: Path, target: Path) -> None:
    """A consistent copy of `source`, analysed; an empty file where there is none yet."""
    try:
        if source.exists() and source.stat().st_size:
            with _readable(source) as original, _open(target) as copy:
                original.backup(copy)
        with _open(target) as copy:
            copy.execute("PRAGMA journal_mode = delete")
            copy.execute("ANALYZE")
    except (sqlite3.Error, OSError) as error:
        raise UnslowError(
            f"The SQLite database {source} could not be copied: {error}\n"
            "Check that it is readable and that the disk has room for a copy of it."
        ) from error


def run(path: Path, statements: Sequence[str]) -> None:
    with _open(path) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def tables(path: Path) -> dict[str, tuple[str, ...]]:
    """The columns of every table."""
    with _open(path) as connection:
        return {
            name: tuple(row[1] for row in connection.execute(f"PRAGMA table_info({_quoted(name)})"))
            for name in _table_names(connection)
        }


def table_hashes(path: Path) -> dict[str, str]:
    """Per table: the number of rows and the sum of a 64-bit hash of each, in any order."""
    hashes = {}
    with _open(path) as connection:
        for name in _table_names(connection):
            count = total = 0
            for row in connection.execute(f"SELECT * FROM {_quoted(name)}"):
                count += 1
                total += int.from_bytes(blake2b(repr(row).encode(), digest_size=8).digest(), "big")
            hashes[name] = f"{count}:{total}"
    return hashes


def is_empty(path: Path, names: Sequence[str]) -> bool:
    with _open(path) as connection:
        return not any(
            connection.execute(f"SELECT 1 FROM {_quoted(name)} LIMIT 1").fetchone()
            for name in names
        )


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection that leaves no file beside the original."""
    wal = path.with_name(path.name + "-wal")
    with path.open("rb") as file:
        is_wal = file.read(20)[18:19] == bytes([WAL_VERSION])
    if not is_wal:
        with _open(path, "mode=ro") as connection:
            yield connection
    elif not wal.exists():
        with _open(path, "immutable=1") as connection:
            yield connection
    elif path.with_name(path.name + "-shm").exists():
        with _open(path, "mode=ro") as connection:
            yield connection
    else:
        with tempfile.TemporaryDirectory(prefix="unslow-") as folder:
            for file_ in (path, wal):
                shutil.copyfile(file_, Path(folder) / file_.name)
            with _open(Path(folder) / path.name) as connection:
                yield connection


@contextlib.contextmanager
def _open(path: Path, query: str = "") -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{query}", uri=True, timeout=30)
    try:
        yield connection
        connection.commit()
    finally:
        connection.close()


def _table_names(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%'"
        " ESCAPE '\\' ORDER BY name"
    )
    return [name for (name,) in rows]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
