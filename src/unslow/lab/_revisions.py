"""Puts the schema migrations of several patches in a row, so that each project keeps one head."""

from collections.abc import Iterable, Iterator
from posixpath import dirname

import msgspec

from unslow.model import NewFile


def chained(files: Iterable[NewFile]) -> Iterator[NewFile]:
    """The files; of migrations that follow the same one, each later one follows the one before."""
    newest: dict[tuple[str, str], str] = {}
    seen: dict[str, NewFile] = {}
    for file in files:
        if file in seen.values():
            continue
        seen[file.path] = file
        place = dirname(file.path), file.follows
        before = newest.get(place, file.follows)
        if file.follows:
            newest[place] = file.revision
        yield _following(file, before)


def _following(file: NewFile, before: str) -> NewFile:
    if before == file.follows:
        return file
    text = file.text.replace(f'"{file.follows}"', f'"{before}"')
    text = text.replace(f"Revises: {file.follows}\n", f"Revises: {before}\n")
    return msgspec.structs.replace(file, text=text, follows=before)
