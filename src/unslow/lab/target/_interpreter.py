"""Asks the application's own interpreter where things are, without importing the application."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from unslow.errors import UnslowError

OLDEST = (3, 11)
PROBE = """
import importlib.util, json, sys
def find(name):
    try:
        spec = importlib.util.find_spec(name)
    except Exception:
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return list(spec.submodule_search_locations)[0]
    return spec.origin
wanted, here = json.loads(sys.argv[1]), sys.argv[2]
path = [entry for entry in sys.path if entry]
sys.path.insert(0, here)  # as the servers and `-m` do
print(json.dumps({
    "path": path,
    "version": list(sys.version_info[:3]),
    "found": {name: find(name) for name in wanted},
}))
"""


class _Probe(msgspec.Struct):
    path: list[str]
    version: tuple[int, int, int]
    found: dict[str, str | None]


@dataclass(frozen=True)
class Interpreter:
    """`found` maps top-level names to the package folder or module file, None where missing."""

    path: tuple[str, ...]
    version: tuple[int, int, int]
    found: dict[str, str | None]


def inspect(
    python: Path, names: Sequence[str], *, cwd: Path, env: Mapping[str, str]
) -> Interpreter:
    """What `python` sees from `cwd`. Raises UnslowError when it does not run or is too old."""
    return _inspect(str(python), tuple(names), str(cwd), tuple(sorted(env.items())))


@cache
def _inspect(
    python: str, names: tuple[str, ...], cwd: str, env: tuple[tuple[str, str], ...]
) -> Interpreter:
    environment = {**os.environ, **dict(env), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        output = subprocess.run(
            [python, "-c", PROBE, json.dumps(names), cwd],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        probe = msgspec.json.decode(output.splitlines()[-1], type=_Probe)
    except subprocess.CalledProcessError as error:
        raise UnslowError(f"{python} does not run:\n{error.stderr.strip()}") from error
    except (OSError, subprocess.TimeoutExpired, msgspec.DecodeError, IndexError) as error:
        raise UnslowError(f"{python} does not run as a Python interpreter: {error}") from error
    if probe.version[:2] < OLDEST:
        version = ".".join(map(str, probe.version))
        raise UnslowError(
            f"{python} is Python {version}; unslow observes applications on Python 3.11 or later."
        )
    return Interpreter(tuple(probe.path), probe.version, probe.found)


def of_script(script: Path) -> Path | None:
    """The interpreter in the first line of a console script, if it names one."""
    try:
        with script.open("rb") as file:
            head = file.readline(512)
    except OSError:
        return None
    if not head.startswith(b"#!"):
        return None
    words = head[2:].decode("utf-8", "replace").split()
    if words and Path(words[0]).name == "env":
        words = words[1:]
    if words and Path(words[0]).name.startswith("python"):
        found = shutil.which(words[0])
        return Path(found) if found else None
    return None
