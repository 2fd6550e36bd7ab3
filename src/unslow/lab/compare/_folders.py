"""Two folders as two versions: what the second has otherwise than the first."""

from collections.abc import Iterator
from pathlib import Path

from unslow.errors import UsageError
from unslow.lab.compare._files import Files, existing
from unslow.lab.target import source_files

CODE = (".py", ".pyi")


def files_of(base: Path, candidate: Path, tracked: frozenset[str] | None) -> tuple[Files, Files]:
    """The files of both folders. What only the base has, and is no code that git tracks there
    (`tracked`; None without git), is a local matter and stays: an .env, a database."""
    if base.resolve() == candidate.resolve():
        raise UsageError(f"{base} and {candidate} are the same folder; name two")
    ours, theirs = set(_paths(base)), set(_paths(candidate))
    gone = {path for path in ours - theirs if _leaves(path, tracked)}
    paths = sorted(theirs | gone)
    return existing(base, paths), existing(candidate, paths)


def _paths(folder: Path) -> Iterator[str]:
    return (path.relative_to(folder).as_posix() for path in source_files(folder))


def _leaves(path: str, tracked: frozenset[str] | None) -> bool:
    return path.endswith(CODE) if tracked is None else path in tracked
