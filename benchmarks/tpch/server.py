"""A PostgreSQL with HypoPG in a temporary folder, filled with TPC-H without any key or index."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg

from unslow.demo import _embedded

INSTALLED = Path("/usr/lib/postgresql")
NOBODY = 65534  # PostgreSQL refuses to run as root
FOLDER = Path(__file__).parent
SETTINGS = {
    "listen_addresses": _embedded.HOST,
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "autovacuum": "off",
    "max_parallel_workers_per_gather": "0",  # their CPU could not be read
    "jit": "off",
}
"""All else is as PostgreSQL comes, its cost parameters too."""


def programs() -> Path:
    """The newest installation that has HypoPG."""
    found = sorted(INSTALLED.glob("*/lib/hypopg.so"), key=lambda one: int(one.parts[-3]))
    if not found:
        raise SystemExit("needs HypoPG: apt-get install postgresql-15-hypopg")
    return found[-1].parents[1] / "bin"


@contextlib.contextmanager
def server(scale: float) -> Iterator[str]:
    """The dsn of a database with TPC-H of this scale, vacuumed and analysed."""
    generator = shutil.which("tpchgen-cli")
    if generator is None:
        raise SystemExit("needs tpchgen-cli on PATH: pip install tpchgen-cli")
    user = NOBODY if os.geteuid() == 0 else None
    identity = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    with _embedded.temporary_folder("tpch") as folder:
        if user is not None:
            os.chown(folder, user, user)
        data, port = folder / "data", _embedded.free_port()
        initdb = [programs() / "initdb", "-D", data, "-U", "postgres", "-A", "trust"]
        initdb += ["-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(initdb, cwd=folder, check=True, capture_output=True, **identity)
        command = [str(programs() / "postgres"), "-D", str(data), "-p", str(port)]
        for name, value in SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        dsn = f"postgresql://postgres@{_embedded.HOST}:{port}/postgres"
        with _embedded.running(
            "PostgreSQL",
            folder,
            command,
            lambda: _answers(dsn),
            stop_signal="SIGINT",
            user=user,
        ):
            _fill(dsn, generator, scale, folder)
            yield dsn


def _fill(dsn: str, generator: str, scale: float, folder: Path) -> None:
    files = folder / "csv"
    subprocess.run(
        [generator, "csv", "-s", str(scale), f"--output-dir={files}"],
        check=True,
        capture_output=True,
    )
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION hypopg")
        connection.execute((FOLDER / "schema.sql").read_bytes())
        for path in sorted(files.glob("*.csv")):
            copy = f"COPY {path.stem} FROM STDIN WITH (FORMAT csv, HEADER)"
            with path.open("rb") as file, connection.cursor().copy(copy) as rows:
                while chunk := file.read(1 << 20):
                    rows.write(chunk)
            path.unlink()
        connection.execute("VACUUM (ANALYZE, FREEZE)")


def _answers(dsn: str) -> bool:
    try:
        psycopg.connect(dsn, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
