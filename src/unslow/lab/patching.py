"""Applies patches to source text: ranges compose, overlaps are refused, a diff shows the result.

What a patch touches gets the project's layout; all other lines keep every byte.
"""

import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from difflib import unified_diff
from functools import lru_cache
from itertools import pairwise

from unslow.errors import UnslowError
from unslow.lab._line_length import line_length
from unslow.lab._revisions import chained
from unslow.lab._tidying import Touched, tidied
from unslow.model import NewFile, Patch, TextEdit

Read = Callable[[str], bytes]

IMPORT = re.compile(r"(\n?)from ([\w.]+) import (\w+(?:, \w+)*)(\n+)")
NEW_IMPORT = re.compile(r"\n?(from [\w.]+ )?import [\w., ]+\n+")


class Conflict(UnslowError):
    """Two patches change the same text, or write the same new file differently."""


def apply(patches: Sequence[Patch], read: Read) -> dict[str, bytes]:
    """The files that `patches` change or create, by path, with their new content.

    The order of the patches does not matter. Insertions at one offset are concatenated, equal
    ones made once; migrations that build on the same one are put in a row. Raises `Conflict`
    when ranges overlap or a new file exists with another content.
    """
    ordered = sorted(patches, key=order)
    changed = {}
    for path, edits in _by_path(ordered):
        content = read(path)
        changed[path] = _rewrite(path, content, compose(edits), read)
        together = len(ordered) > 1 and path.endswith(".py")
        if together and _compiles(content) and not _compiles(changed[path]):
            raise Conflict(f"{path}: with all changes it is no longer Python")
    for file in chained(file for patch in ordered for file in patch.files):
        content = _new(file, read)
        if changed.setdefault(file.path, content) != content:
            raise Conflict(f"{file.path}: two patches write this file differently")
        existing = _existing(file.path, read)
        if existing is not None and existing != content:
            raise Conflict(f"{file.path}: the file exists already with another content")
    return changed


@lru_cache(maxsize=256)
def _compiles(content: bytes) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(content, "<patched>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            return False
    return True


def order(patch: Patch) -> tuple[object, ...]:
    """What patches are sorted by: their fixer, then their text."""
    edits = tuple((edit.path, edit.start, edit.end, edit.text) for edit in patch.edits)
    return patch.fixer, edits, tuple((file.path, file.text) for file in patch.files)


def compose(edits: Iterable[TextEdit]) -> tuple[TextEdit, ...]:
    """The edits of one file in order, equal ones once, imports of one place put together.

    Raises `Conflict` when ranges overlap.
    """
    unique = _joined(dict.fromkeys(edits))
    ordered = sorted(unique, key=_place)
    for before, after in pairwise(ordered):
        if after.start < before.end or (
            (before.start, before.end) == (after.start, after.end) and before.start != before.end
        ):
            raise Conflict(f"{after.path}: two changes meet at byte {after.start}")
    return tuple(ordered)


def _joined(edits: Iterable[TextEdit]) -> list[TextEdit]:
    """New `from x import` lines of one package at one offset as one line with all the names."""
    found: dict[tuple[str, int, str, str, str], set[str]] = {}
    rest = []
    for edit in edits:
        line = IMPORT.fullmatch(edit.text) if edit.start == edit.end else None
        if line is None:
            rest.append(edit)
            continue
        before, package, names, after = line.groups()
        key = (edit.path, edit.start, before, package, after)
        found.setdefault(key, set()).update(names.split(", "))
    for (path, start, before, package, after), every in found.items():
        text = f"{before}from {package} import {', '.join(sorted(every))}{after}"
        rest.append(TextEdit(path, start, start, text))
    return rest


def _place(edit: TextEdit) -> tuple[int, int, bool, bool, str]:
    """New import statements come before what else is inserted there, plain ones first."""
    imported = edit.start == edit.end and NEW_IMPORT.fullmatch(edit.text) is not None
    member = edit.text.lstrip("\n").startswith("from ")
    return edit.start, edit.end, not imported, member, edit.text if imported else ""


def diff(patches: Sequence[Patch], read: Read) -> str:
    """What `patches` change, as a unified diff that `patch -p1` and `git apply` take."""
    changed = apply(patches, read)
    parts = [_file_diff(path, _existing(path, read), changed[path]) for path in sorted(changed)]
    return "".join(parts)


def _by_path(patches: Sequence[Patch]) -> Iterable[tuple[str, list[TextEdit]]]:
    grouped: dict[str, list[TextEdit]] = {}
    for patch in patches:
        for edit in patch.edits:
            grouped.setdefault(edit.path, []).append(edit)
    return grouped.items()


def _rewrite(path: str, content: bytes, edits: Sequence[TextEdit], read: Read) -> bytes:
    windows = b"\r\n" in content
    parts: list[bytes] = []
    touched: list[Touched] = []
    position = length = 0
    for edit in edits:
        if edit.end > len(content):
            raise Conflict(f"{path}: the change at byte {edit.start} lies beyond the file's end")
        text = edit.text.replace("\n", "\r\n") if windows else edit.text
        parts += [content[position : edit.start], text.encode()]
        length += edit.start - position
        touched.append(Touched(edit.start, edit.end, length, length + len(parts[-1])))
        length += len(parts[-1])
        position = edit.end
    result = b"".join([*parts, content[position:]])
    if windows or not path.endswith(".py"):
        return result
    return _laid_out(content, result, touched, line_length(read, content))


def _laid_out(old: bytes, new: bytes, touched: Sequence[Touched], limit: int) -> bytes:
    """The new content with the touched statements tidied; as it is where it is not UTF-8."""
    try:
        before, after = old.decode(), new.decode()
    except UnicodeDecodeError:
        return new
    ranges = tuple(
        Touched(
            _place_of(old, one.old_start),
            _place_of(old, one.old_end),
            _place_of(new, one.start),
            _place_of(new, one.end),
        )
        for one in touched
    )
    return tidied(before, after, ranges, limit).encode()


def _place_of(content: bytes, offset: int) -> int:
    """The character at a byte."""
    return offset if content.isascii() else len(content[:offset].decode(errors="replace"))


def _new(file: NewFile, read: Read) -> bytes:
    if not file.path.endswith(".py"):
        return file.text.encode()
    whole = (Touched(0, 0, 0, len(file.text)),)
    return tidied("", file.text, whole, line_length(read)).encode()


def _existing(path: str, read: Read) -> bytes | None:
    try:
        return read(path)
    except FileNotFoundError:
        return None


def _file_diff(path: str, before: bytes | None, after: bytes) -> str:
    old = [] if before is None else before.decode().splitlines(keepends=True)
    new = after.decode().splitlines(keepends=True)
    name = "/dev/null" if before is None else f"a/{path}"
    lines = unified_diff(old, new, name, f"b/{path}")
    return "".join(
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines
    )
