"""Clones PostgreSQL databases: a template once, a copy of it per launch."""

import contextlib
import getpass
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from unslow.errors import UnslowError
from unslow.lab.target._dump import copy_by_dump
from unslow.lab.target._stop import Stop
from unslow.lab.target._wire import Param

# What libpq needs to reach the server as the application does; the rest of what a driver is given
# (pool sizes, time-outs, options) concerns the application alone.
REACH = (
    "host",
    "hostaddr",
    "port",
    "user",
    "password",
    "passfile",
    "sslmode",
    "sslcert",
    "sslkey",
    "sslrootcert",
    "service",
    "gssencmode",
    "channel_binding",
)
MAINTENANCE = ("postgres", "template1")
CONNECT_TIMEOUT_S = 10
FILE_COPY_FROM_BYTES = 512 * 2**20  # below it, logging the copy is cheaper than two checkpoints
CLONE_SETTINGS = {
    # The CPU of a parallel worker is nobody's: it ends before anyone can read it.
    "max_parallel_workers_per_gather": "0",
}


NOBODY_THERE = re.compile(r"Connection refused|No such file or directory")


class ServerGone(UnslowError):
    """Nobody listens where the server was."""


@dataclass(frozen=True)
class Source:
    """A database as the application reaches it; the same for every user of it."""

    name: str
    host: str
    port: str
    reach: tuple[tuple[str, str], ...] = field(compare=False)

    @property
    def where(self) -> str:
        return f"{self.host or 'the local socket'}:{self.port}"

    @property
    def user(self) -> str:
        """The role that libpq connects as, the operating system's user by default."""
        return dict(self.reach).get("user") or getpass.getuser()

    def dsn(self, name: str | None = None) -> str:
        return make_conninfo(
            "", dbname=name or self.name, connect_timeout=CONNECT_TIMEOUT_S, **dict(self.reach)
        )

    def without_password(self) -> "Source":
        return replace(self, reach=tuple(item for item in self.reach if item[0] != "password"))


def source_of(params: Mapping[str, Param], environment: Mapping[str, str]) -> Source:
    """The database that driver parameters mean, with libpq's own defaults filled in."""
    given = {key: str(value) for key, value in params.items() if value not in (None, "")}
    defaults = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
    for key, variable in defaults.items():
        if variable in environment:
            given.setdefault(key, environment[variable])
    name = given.get("dbname") or given.get("database") or environment.get("PGDATABASE")
    reach = tuple((key, given[key]) for key in REACH if key in given)
    return source_at(name or given.get("user", "postgres"), reach)


def source_at(name: str, reach: tuple[tuple[str, str], ...]) -> Source:
    """A database by its name and libpq parameters."""
    given = dict(reach)
    host = given.get("host", "")
    return Source(
        name, "127.0.0.1" if host == "localhost" else host, given.get("port", "5432"), reach
    )


def make_template(source: Source, name: str, stop: Stop) -> None:
    """Copy `source` into the new database `name`, vacuumed and analysed.

    The source is only read. Raises UnslowError with the remedy when it cannot be copied, or when
    `stop` was set meanwhile.
    """
    with _explained(source), _maintenance(source) as connection, stop.by(connection.cancel_safe):
        if _in_use(connection, source) or not _copy_files(connection, source.name, name):
            _copy_logically(connection, source, name, stop)
        _configure(connection, source, name)
    with (
        _explained(source),
        psycopg.connect(source.dsn(name), autocommit=True) as connection,
        stop.by(connection.cancel_safe),
    ):
        connection.execute("VACUUM (ANALYZE)")


def size_bytes(source: Source) -> int:
    """How large the database is on its server; 0 where that may not be asked."""
    with contextlib.suppress(psycopg.Error, UnslowError), _maintenance(source) as connection:
        row = connection.execute("SELECT pg_database_size(%s)", [source.name]).fetchone()
        return int(row[0]) if row else 0
    return 0


def clone(source: Source, template: str, name: str) -> None:
    """Make the database `name` from `template`, settings of the source included."""
    with _explained(source), _maintenance(source) as connection:
        _create(connection, template, name)
        _configure(connection, source, name)


def run(source: Source, name: str, statements: Sequence[str]) -> None:
    """Run DDL on a clone, one statement per transaction, and sample new indexed expressions."""
    with psycopg.connect(source.dsn(name), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())
        for (table,) in connection.execute(UNSAMPLED).fetchall():
            connection.execute(f"ANALYZE {table}".encode())


def settle(source: Source, name: str) -> None:
    """Make a clone that was written to a template: nobody connected, vacuumed and analysed."""
    with _maintenance(source) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [name],
        )
    with psycopg.connect(source.dsn(name), autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


def drop(source: Source, *names: str) -> None:
    """Drop clones, whoever is connected to them."""
    with _maintenance(source) as connection:
        for name in names:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            statement = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name))
            if connection.info.server_version >= 130000:
                statement += sql.SQL(" WITH (FORCE)")
            connection.execute(statement)


def databases_like(source: Source, prefix: str) -> tuple[str, ...]:
    """The names of the server's databases that start with `prefix`."""
    with _maintenance(source) as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix]
        )
        return tuple(name for (name,) in rows)


UNSAMPLED = """
    SELECT DISTINCT i.indrelid::regclass::text FROM pg_index i
    WHERE i.indexprs IS NOT NULL AND has_table_privilege(i.indrelid, 'SELECT')
      AND NOT EXISTS (SELECT 1 FROM pg_stats s JOIN pg_class c ON c.relname = s.tablename
                      WHERE c.oid = i.indexrelid)
      AND i.indrelid::regclass::text NOT LIKE 'pg\\_%'
"""
SETTINGS = """
    SELECT unnest(setconfig) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
    WHERE d.datname = %s AND s.setrole = 0
"""


@contextlib.contextmanager
def _maintenance(source: Source) -> Iterator[psycopg.Connection]:
    """A connection to the server that is not one to the source database, where possible."""
    refusal: psycopg.OperationalError | None = None
    for name in (*MAINTENANCE, source.name):
        try:
            connection = psycopg.connect(source.dsn(name), autocommit=True)
        except psycopg.OperationalError as error:
            refusal = refusal or error
            continue
        with connection:
            yield connection
        return
    kind = ServerGone if NOBODY_THERE.search(str(refusal)) else UnslowError
    raise kind(
        f"PostgreSQL at {source.where} cannot be reached as user {source.user!r}: "
        f"{str(refusal).strip().splitlines()[-1]}\n"
        "Start it, or check host, port and password in the application's settings."
    )


def _in_use(connection: psycopg.Connection, source: Source) -> bool:
    if connection.info.dbname == source.name:
        return True
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [source.name]
    ).fetchone()
    return bool(row and row[0])


def _copy_files(connection: psycopg.Connection, template: str, name: str) -> bool:
    """CREATE DATABASE … TEMPLATE; false where the source is in use or owned by someone else."""
    try:
        _create(connection, template, name)
    except errors.ObjectInUse:
        return False
    except errors.InsufficientPrivilege as error:
        if "permission denied to copy database" in str(error):
            return False
        raise
    return True


def _create(connection: psycopg.Connection, template: str, name: str) -> None:
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
        sql.Identifier(name), sql.Identifier(template)
    )
    if connection.info.server_version >= 150000:
        row = connection.execute("SELECT pg_database_size(%s)", [template]).fetchone()
        if row and row[0] > FILE_COPY_FROM_BYTES:
            statement += sql.SQL(" STRATEGY file_copy")
    connection.execute(statement)


def _copy_logically(connection: psycopg.Connection, source: Source, name: str, stop: Stop) -> None:
    row = connection.execute(
        "SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database"
        " WHERE datname = %s",
        [source.name],
    ).fetchone()
    if row is None:
        raise UnslowError(f"PostgreSQL at {source.where} has no database {source.name!r}.")
    encoding, collate, ctype = row
    statement = "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}"
    connection.execute(
        sql.SQL(statement).format(
            sql.Identifier(name), *map(sql.Literal, (encoding, collate, ctype))
        )
    )
    try:
        copy_by_dump(source.dsn(), source.dsn(name), connection.info.server_version, stop)
    except UnslowError:
        drop(source, name)
        raise


def _configure(connection: psycopg.Connection, source: Source, name: str) -> None:
    """Settings made by ALTER DATABASE do not come with a template."""
    settings = [row[0].split("=", 1) for row in connection.execute(SETTINGS, [source.name])]
    for key, value in (*settings, *CLONE_SETTINGS.items()):
        # A refused setting (superuser only) is one the application's own role cannot change.
        with contextlib.suppress(errors.InsufficientPrivilege):
            _set(connection, name, key, value)


def _set(connection: psycopg.Connection, name: str, key: str, value: str) -> None:
    # A list (search_path) is stored as SQL already quoted it; anything else is one value.
    is_list = "," in value or '"' in value
    text = value if is_list else sql.Literal(value).as_string(connection)
    database = sql.Identifier(name).as_string(connection)
    connection.execute(f"ALTER DATABASE {database} SET {key} TO {text}".encode())


@contextlib.contextmanager
def _explained(source: Source) -> Iterator[None]:
    try:
        yield
    except errors.InsufficientPrivilege as error:
        user = source.user
        raise UnslowError(
            f"PostgreSQL at {source.where} does not let user {user!r} create the clone that "
            f"unslow works on: {_first_line(error)}\n"
            f"As a superuser run: ALTER ROLE {user} CREATEDB"
        ) from error
    except (errors.DiskFull, errors.OutOfMemory) as error:
        raise UnslowError(
            f"PostgreSQL at {source.where} has no room for a clone of {source.name!r}: "
            f"{_first_line(error)}\nFree space on its disk, or audit a smaller copy."
        ) from error
    except errors.InvalidCatalogName as error:
        raise UnslowError(
            f"PostgreSQL at {source.where} has no database {source.name!r}. Create it and run the "
            "application's migrations first."
        ) from error
    except psycopg.Error as error:
        raise UnslowError(
            f"PostgreSQL at {source.where} refused to clone {source.name!r}: {_first_line(error)}"
        ) from error


def _first_line(error: psycopg.Error) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
