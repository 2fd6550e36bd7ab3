"""Sets up a shop to be audited: its server, its data, and a copy of its source."""

import contextlib
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from unslow.demo.partner import partner
from unslow.demo.postgres import postgres
from unslow.demo.redis import redis
from unslow.demo.seed import Flavour, Size, seed
from unslow.errors import UnslowError, UsageError
from unslow.progress import Progress, Silent

DATABASE = "shop"
COMMANDS = {"django": ("gunicorn", "shop.wsgi"), "fastapi": ("uvicorn", "shop.main:app")}
MIGRATIONS = {
    "django": ("manage.py", "migrate", "--verbosity", "0"),
    "fastapi": ("-m", "alembic", "upgrade", "head"),
}
NOT_SOURCE = shutil.ignore_patterns("__pycache__", "*.pyc")


@dataclass(frozen=True)
class Prepared:
    """A shop ready to start: run `command` in `root` with `env` added to the environment."""

    flavour: Flavour
    root: Path
    command: tuple[str, ...]
    env: dict[str, str]
    dsn: str


@contextlib.contextmanager
def prepare(
    flavour: Flavour, size: Size, folder: Path, progress: Progress | None = None
) -> Iterator[Prepared]:
    """Copy the shop to `folder` and run its database, migrated and seeded, and its cache, empty,
    for the block's time.

    Raises UsageError when `folder` is not empty, UnslowError when a step fails.
    """
    progress = progress or Silent()
    _copy_source(flavour, folder)
    progress.stage("prepare the shop", 3)
    progress.step("start PostgreSQL, Redis and the partner")
    with postgres() as server, redis() as cache, partner() as service:
        dsn = server.create(DATABASE)
        env = {"DATABASE_URL": dsn, "REDIS_URL": cache.url, "PARTNER_URL": service}
        progress.step("create the tables")
        migrate(flavour, folder, dsn)
        progress.step("load the data")
        seed(dsn, flavour, size)
        yield Prepared(flavour, folder, _installed(COMMANDS[flavour]), env, dsn)


def source(flavour: Flavour) -> Path:
    """The folder of the shop's source as it is shipped."""
    return Path(__file__).with_name(f"{flavour}_shop")


def migrate(flavour: Flavour, root: Path, dsn: str) -> None:
    """Create the tables of the shop at `root` in the empty database at `dsn`."""
    done = subprocess.run(
        [sys.executable, *MIGRATIONS[flavour]],
        cwd=root,
        env={**os.environ, "DATABASE_URL": dsn, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise UnslowError(f"the migrations of the {flavour} shop failed:\n{done.stderr.strip()}")


def _copy_source(flavour: Flavour, folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty; name a new folder for the shop")
    try:
        shutil.copytree(source(flavour), folder, ignore=NOT_SOURCE, dirs_exist_ok=True)
    except OSError as error:
        raise UnslowError(
            f"cannot write the shop to {folder}: {error.strerror or error}"
        ) from error


def _installed(command: Sequence[str]) -> tuple[str, ...]:
    """The command with its program as installed next to this interpreter."""
    program = Path(sysconfig.get_path("scripts")) / command[0]
    if not program.exists():
        raise UnslowError(f"{command[0]} is not installed; run: pip install 'unslow[demo]'")
    return (str(program), *command[1:])
