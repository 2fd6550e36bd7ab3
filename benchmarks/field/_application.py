"""What the runs of real applications share: installing one, and auditing its start command."""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

CACHE = Path.home() / ".cache/unslow/field"


@dataclass(frozen=True)
class Ready:
    """A filled database and what is needed to start the application on it."""

    folder: Path  # where its commands run
    environment: dict[str, str]
    command: tuple[str, ...]
    header: str  # of every request
    traffic: Path
    package: Path  # its sources
    dsn: str
    log: Path  # of the database server
    pages: Path | None = None  # further calls, for the mutants alone


Prepared = Callable[[Path, str], AbstractContextManager[Ready]]  # cache folder, interpreter


def main(name: str, prepared: Prepared, description: str | None) -> int:
    """Audit the application, and pass on what stands after `--`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--folder", type=Path, default=CACHE / name)
    parser.add_argument("--python", default="python3.12", help="the interpreter to install it for")
    parser.add_argument("audit", nargs="*", help="further options of unslow audit, after --")
    options = parser.parse_args()
    with prepared(options.folder, options.python) as ready:
        command = audit_command(ready, options.audit)
        print(" ".join(command), flush=True)
        return subprocess.run(command, env=ready.environment, cwd=ready.folder).returncode


def audit_command(ready: Ready, extra: Sequence[str]) -> tuple[str, ...]:
    return (
        *(sys.executable, "-m", "unslow", "audit"),
        *("--replay", str(ready.traffic)),
        *("--header", ready.header),
        *extra,
        *("--", *ready.command),
    )


def installed(folder: Path, interpreter: str, *steps: Sequence[str]) -> Path:
    """The interpreter of a virtual environment below `folder`, after each `uv pip install`."""
    python = folder / "venv/bin/python"
    mark = folder / "installed"
    wanted = "\n".join(" ".join(step) for step in steps)
    if not mark.exists() or mark.read_text() != wanted:
        subprocess.run([interpreter, "-m", "venv", "--clear", folder / "venv"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "uv"], check=True)
        pip = (python.with_name("uv"), "pip", "install", "--quiet", "--python", python)
        for step in steps:
            subprocess.run([*pip, *step], check=True)
        mark.write_text(wanted)
    return python


def package(python: Path, name: str) -> Path:
    return next(python.parents[1].glob(f"lib/python*/site-packages/{name}"))


def run(environment: dict[str, str], *command: str | Path) -> str:
    """The last line that the command printed."""
    done = subprocess.run(
        command, env={**os.environ, **environment}, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip().rpartition("\n")[2]
