"""Keeps the tools below the folder in which the server was started, and to versions as data."""

import re
from pathlib import Path

from unslow.errors import UsageError

CHANGES = (".patch", ".diff", ".sql")
_REVISION = re.compile(r"[\w@][\w./@{}^~+-]*")


def folder_below(root: Path, folder: str) -> Path:
    """The folder to work in. Raises `UsageError` when it is missing or lies outside of `root`."""
    found = (root / folder).resolve()
    if not found.is_relative_to(root):
        raise UsageError(
            f"{folder} is outside of {root}, where this server was started; start one there"
        )
    if not found.is_dir():
        raise UsageError(f"{folder} is not a folder in {root}")
    return found


def version(text: str, folder: Path, root: Path) -> str:
    """A revision, or a folder or change below `root`, as `unslow prove` takes it.

    Never a command or a URL: what runs was chosen by the person who started the server. Raises
    `UsageError` for anything else.
    """
    place = folder / text
    if place.exists():
        if not place.resolve().is_relative_to(root):
            raise UsageError(f"{text} is outside of {root}, where this server was started")
        if place.is_dir():
            return text
        if place.suffix in CHANGES:
            return str(place.resolve())
    if not _REVISION.fullmatch(text):
        raise UsageError(
            f"{text} is neither a git revision nor a folder, .patch or .sql file below {root}"
        )
    return text
