"""A database that the user names himself, and a clone of it for work that needs no application."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from unslow.errors import UsageError
from unslow.lab.target import _postgres, _sqlite
from unslow.lab.target._copy import copied
from unslow.lab.target._types import Database
from unslow.progress import Progress


def named(dsn: str) -> Database:
    """The database of a DSN (`postgresql://…`, `dbname=…`) or a SQLite file, as it is.

    Raises UsageError for what is neither.
    """
    place = _place(dsn)
    if isinstance(place, Path):
        return Database("sqlite", str(place), place.name, str(place))
    source = _postgres.source_of(conninfo_to_dict(place), os.environ)
    return Database("postgresql", source.dsn(), source.name, f"{source.name} on {source.where}")


@contextlib.contextmanager
def clone_of(dsn: str, progress: Progress) -> Iterator[Database]:
    """A clone of the database, gone afterwards. Raises UnslowError, UsageError as `named` does."""
    place = _place(dsn)
    if isinstance(place, Path):
        with tempfile.TemporaryDirectory(prefix="unslow-") as folder:
            path = Path(folder) / place.name
            _sqlite.make_template(place, path)
            yield Database("sqlite", str(path), path.name, str(place))
        return
    with copied(place, os.environ, progress) as database:
        yield replace(database, source=named(dsn).name)


def _place(dsn: str) -> str | Path:
    """What libpq understands, or a file."""
    scheme, mark, rest = dsn.partition("://")
    plain = scheme.partition("+")[0] + mark + rest if mark else dsn  # without the driver's name
    if plain.startswith("sqlite://"):
        return _file(unquote(rest.removeprefix("/").partition("?")[0]))
    if not mark and "=" not in dsn:
        return _file(dsn)
    try:
        conninfo_to_dict(plain)
    except psycopg.Error:
        # Without the text: it may hold a password.
        raise UsageError(
            "--database is not understood; write postgresql://user@host/name, or sqlite:///file"
        ) from None
    return plain


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise UsageError(
            f"There is no database file {text}. Run the application's migrations first, or write "
            "postgresql://user@host/name."
        )
    return path.resolve()
