"""Whole files and folders as data: what a version of an application consists of."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from unslow.model import Patch, WholeFile

SQLITE = b"SQLite format 3\0"
Files = Mapping[str, WholeFile | None]  # by path below the root; None: not there


def whole_file(place: Path, path: str) -> WholeFile:
    """The file or link at `place`, to be written as `path`."""
    if place.is_symlink():
        return WholeFile(path, os.fsencode(os.readlink(place)), link=True)
    return WholeFile(path, place.read_bytes(), bool(place.stat().st_mode & 0o100))


def existing(folder: Path, paths: Iterable[str]) -> dict[str, WholeFile | None]:
    """What lies at `paths` in a folder; None where nothing does."""
    found: dict[str, WholeFile | None] = {}
    for path in paths:
        place = folder / path
        there = place.is_symlink() or place.is_file()
        found[path] = whole_file(place, path) if there else None
    return found


def is_data(file: WholeFile | None) -> bool:
    """A database file is no part of a version: both work on clones of the one that is there."""
    return file is not None and file.content.startswith(SQLITE)


def differing(before: Files, after: Files) -> dict[str, WholeFile | None]:
    """What is to be written, or removed (None), to come from `before` to `after`."""
    return {
        path: after.get(path)
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path)
        and not is_data(before.get(path))
        and not is_data(after.get(path))
    }


def patch_of(label: str, files: Files) -> Patch:
    """The patch that leaves exactly these files behind."""
    return Patch(
        fixer="version",
        summary=label,
        safety="review",
        whole=tuple(file for file in files.values() if file is not None),
        removed=tuple(path for path, file in files.items() if file is None),
    )
