"""Copies one database for work without an application, and drops the copy at the end."""

import contextlib
from collections.abc import Iterator, Mapping

import psycopg
from psycopg.conninfo import conninfo_to_dict

from unslow.errors import UnslowError, UsageError
from unslow.lab.target import _postgres
from unslow.lab.target._journal import PREFIX, Journal
from unslow.lab.target._postgres import Source
from unslow.lab.target._stop import Stop
from unslow.lab.target._types import Database
from unslow.progress import Progress


@contextlib.contextmanager
def copied(dsn: str, environment: Mapping[str, str], progress: Progress) -> Iterator[Database]:
    """A private clone of the database that `dsn` names, vacuumed and analysed, gone at the end.

    Raises UsageError for what is no dsn, UnslowError with the remedy where cloning is refused.
    """
    try:
        source = _postgres.source_of(conninfo_to_dict(dsn), environment)
    except psycopg.ProgrammingError as error:
        raise UsageError(
            "the database is no connection string; write postgresql://user@host/name"
        ) from error
    journal = Journal()
    name = f"{PREFIX}{journal.key}_1"
    clean = False
    try:
        journal.clean_up_dead_runs()
        size = f"{_postgres.size_bytes(source) / 2**20:.0f} MB"
        progress.note(f"Cloning the database {source.name} on {source.where} ({size})")
        journal.made_database(source, name)
        _postgres.make_template(source, name, Stop())
        yield Database("postgresql", source.dsn(name), name)
    finally:
        clean = _dropped(source, name)
        journal.close(clean=clean)


def _dropped(source: Source, name: str) -> bool:
    try:
        _postgres.drop(source, name)
    except (psycopg.Error, UnslowError):
        return False
    return True
