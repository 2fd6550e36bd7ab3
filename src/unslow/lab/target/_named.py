"""A database that the user names himself, and a clone of it for work that needs no application."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from unslow.errors import UnslowError, UsageError
from unslow.lab.target import _postgres, _sqlite
from unslow.lab.target._journal import PREFIX, Journal
from unslow.lab.target._postgres import Source
from unslow.lab.target._stop import Stop
from unslow.lab.target._types import Database
from unslow.progress import Progress


def named(dsn: str) -> Database:
    """The database of a DSN (`postgresql://…`, `dbname=…`) or a SQLite file, as it is.

    Raises UsageError for what is neither.
    """
    source = _source(dsn)
    if isinstance(source, Path):
        return Database("sqlite", str(source), source.name, str(source))
    return Database("postgresql", source.dsn(), source.name, f"{source.name} on {source.where}")


@contextlib.contextmanager
def clone_of(dsn: str, progress: Progress) -> Iterator[Database]:
    """A clone of the database, gone afterwards. Raises UnslowError, UsageError as `named` does."""
    source = _source(dsn)
    if isinstance(source, Path):
        with tempfile.TemporaryDirectory(prefix="unslow-") as folder:
            path = Path(folder) / source.name
            _sqlite.make_template(source, path)
            yield Database("sqlite", str(path), path.name, str(source))
        return
    journal = Journal()
    name = f"{PREFIX}{journal.key}_1"
    progress.note(f"Cloning the database {source.name} on {source.where}")
    with contextlib.suppress(psycopg.Error, UnslowError):
        journal.drop_left_behind(source)
    journal.made_database(source, name)
    is_gone = False
    try:
        _postgres.make_template(source, name, Stop())
        yield Database("postgresql", source.dsn(name), name, source.name)
    finally:
        with contextlib.suppress(psycopg.Error, UnslowError):
            _postgres.drop(source, name)
            is_gone = True
        journal.close(clean=is_gone)


def _source(dsn: str) -> Source | Path:
    scheme, mark, rest = dsn.partition("://")
    if scheme.partition("+")[0] == "sqlite" and mark:
        return _file(unquote(rest.removeprefix("/").partition("?")[0]))
    if not mark and "=" not in dsn:
        return _file(dsn)
    try:
        plain = scheme.partition("+")[0] + mark + rest if mark else dsn
        return _postgres.source_of(conninfo_to_dict(plain), os.environ)
    except psycopg.Error:
        # Without the text: it may hold a password.
        raise UsageError(
            "--database is not understood; write postgresql://user@host/name, or sqlite:///file"
        ) from None


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise UsageError(
            f"There is no database file {text}. Run the application's migrations first, or write "
            "postgresql://user@host/name."
        )
    return path.resolve()
