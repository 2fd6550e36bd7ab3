"""Tells which Python interpreter is the application's."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from unslow.errors import UnslowError, UsageError
from unslow.lab.target import _interpreter
from unslow.lab.target._settings import Settings

ENVIRONMENTS = (".venv", "venv", "env")
FRAMEWORKS = ("django", "fastapi", "starlette", "flask")


@dataclass(frozen=True)
class Place:
    """Where to look, and what the command line and the settings add to whatever is found."""

    root: Path
    sources: tuple[str, ...]
    settings: Settings
    env: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> Mapping[str, str]:
        return {**os.environ, **self.env}


def with_framework(place: Place, kind: str, folder: Path) -> tuple[Path, Mapping[str, str | None]]:
    """The first interpreter that has the framework, and what else it has."""
    framework = kind if kind in FRAMEWORKS else None
    servers = ("gunicorn", "uvicorn", "granian", "hypercorn", "waitress", "flask")
    names = (*servers, *([framework] if framework else []))
    tried: list[str] = []
    for python in _pythons(place, folder):
        try:
            found = _interpreter.inspect(python, names, cwd=folder, env=place.env).found
        except UnslowError as error:
            tried.append(str(error).splitlines()[0])
            continue
        if framework is None or found[framework]:
            return python, found
        tried.append(f"{python} has no {framework}")
    raise UsageError(
        f"The application needs {framework or 'an interpreter'}, but {'; '.join(tried)}. Activate "
        'its environment, install unslow into it, or set python = "…" in [tool.unslow].'
    )


def _pythons(place: Place, folder: Path) -> Iterator[Path]:
    """Interpreters that may be the application's, likeliest first."""
    if place.settings.python:
        base = place.settings.folder or place.root
        python = base / Path(place.settings.python).expanduser()
        if not python.exists():
            raise UsageError(f"[tool.unslow] python = {place.settings.python!r} does not exist.")
        yield python
        return
    if active := place.environment.get("VIRTUAL_ENV"):
        yield from _existing(Path(active) / "bin" / "python")
    for parent in dict.fromkeys((folder, place.root, place.settings.folder or place.root)):
        for name in ENVIRONMENTS:
            yield from _existing(parent / name / "bin" / "python")
    yield Path(sys.executable)


def _existing(path: Path) -> Iterator[Path]:
    if path.exists():
        yield path.absolute()


def of_command(words: Sequence[str], place: Place) -> Path:
    """The interpreter that a start command runs: by its path, its script, its environment."""
    program = (place.root / words[0]).absolute()
    candidates = tuple(_pythons(place, place.root))
    if os.sep not in words[0]:
        for python in candidates:
            if (python.parent / words[0]).exists():
                return python
        if not (path := shutil.which(words[0], path=place.environment.get("PATH"))):
            raise UsageError(
                f"The start command {words[0]!r} is not found, neither in {candidates[0].parent} "
                "nor on PATH. Install it, activate the application's environment, or give its "
                "full path."
            )
        program = Path(path)
    if not program.exists():
        raise UsageError(f"The start command {words[0]!r} does not exist below {place.root}.")
    if place.settings.python:
        return candidates[0]
    if program.name.startswith("python"):
        return program
    beside = program.parent / "python"
    return _interpreter.of_script(program) or (beside if beside.exists() else candidates[0])


def search_path(python: Path, place: Place) -> tuple[str, ...]:
    return _interpreter.inspect(python, (), cwd=place.root, env=place.env).path
