"""Applies a patch file to copies of the files that it names; says which hunk does not fit."""

import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from unslow.errors import UsageError
from unslow.lab.compare._files import Files, existing
from unslow.lab.compare._git import git
from unslow.model import WholeFile

_HEADER = re.compile(r"^(?:---|\+\+\+) ([^\t\n\r]+)|^(?:rename|copy) (?:from|to) ([^\n\r]+)", re.M)
_GIT_HEADER = re.compile(r"^diff --git a/(.+) b/(.+)$", re.M)
_FAILED = re.compile(r"^error: patch failed: (.+):(\d+)$", re.M)
_OTHER = re.compile(r"^error: (.+)$", re.M)
_HUNK = re.compile(r"^@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@", re.M)

Read = Callable[[Iterable[str]], Files]


def applied(patch: Path, read: Read, leads: Collection[str], onto: str) -> tuple[Files, Files]:
    """The named files before and after. `read` gives those of the version that it is applied to;
    `leads` are the folders that the patch's paths may start from ("" or "backend/").

    Raises UsageError with the file and hunk that does not fit `onto`.
    """
    text = _text(patch)
    start = _start(text, read, leads)
    if start is None:
        raise UsageError(f"{patch} holds no change to a file; expected a unified diff")
    with tempfile.TemporaryDirectory(prefix="unslow-patch-") as temporary:
        folder = Path(temporary).resolve() / "files"
        folder.mkdir()
        for path, file in start.files.items():
            if file is not None:
                _write(folder / path, file)
        found = git(
            ("apply", f"-p{start.strip}", "--whitespace=nowarn", str(patch.resolve())),
            cwd=folder / start.lead,
            env={"GIT_CEILING_DIRECTORIES": str(folder.parent)},
        )
        if found.returncode:
            said = found.stderr.decode(errors="replace")
            raise UsageError(f"{patch} does not apply to {onto}: {_reason(said, text, start)}")
        return start.files, existing(folder, start.files)


@dataclass(frozen=True)
class _Start:
    """Leading folders that the patch's paths have too many, the one that they have too few, and
    the files that it names."""

    strip: int
    lead: str
    files: Files


def _text(patch: Path) -> str:
    try:
        return patch.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise UsageError(f"{patch} cannot be read: {error.strerror}") from error


def _start(text: str, read: Read, leads: Collection[str]) -> _Start | None:
    """The reading under which most files of the patch exist; None for a patch without files."""
    found = []
    for strip in (1, 0):
        paths = tuple(dict.fromkeys(_paths(text, strip)))
        for lead in leads if paths else ():
            found.append(_Start(strip, lead, read([lead + path for path in paths])))
    return max(found, key=lambda one: sum(f is not None for f in one.files.values()), default=None)


def _paths(text: str, strip: int) -> Iterator[str]:
    for match in _HEADER.finditer(text):
        if match[2]:
            yield match[2]
        elif match[1] != "/dev/null":
            parts = match[1].strip().strip('"').split("/")[strip:]
            if parts and ".." not in parts and parts[0]:
                yield "/".join(parts)
    if strip:
        for match in _GIT_HEADER.finditer(text):
            yield from match.groups()


def _write(place: Path, file: WholeFile) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if file.link:
        place.symlink_to(file.content.decode("utf-8", "surrogateescape"))
        return
    place.write_bytes(file.content)
    place.chmod(0o755 if file.executable else 0o644)


def _reason(said: str, text: str, start: _Start) -> str:
    failed = _FAILED.search(said)
    if failed:
        path, line = failed[1], int(failed[2])
        number, header = _hunk(text, path, line, start.strip)
        where = f"hunk {number} ({header})" if header else f"the hunk at line {line}"
        return f"{path}, {where}, expects other lines. Rebase the patch, or name the base it fits"
    other = _OTHER.search(said)
    return other[1] if other else "git apply refuses it"


def _hunk(text: str, path: str, line: int, strip: int) -> tuple[int, str]:
    """The number and header of the hunk of `path` that starts at `line`."""
    old = re.escape(path)
    lead = r"[^\n/]+/" if strip else ""
    start = re.search(rf'^(?:---|\+\+\+) "?{lead}{old}"?\s*(?:\t.*)?$', text, re.M)
    if start is None:
        return 0, ""
    following = re.compile(r"^(?:diff --git |--- (?:a/|/dev/null))", re.M)
    end = following.search(text, start.end() + 1)
    section = text[start.end() : end.start() if end else len(text)]
    for number, match in enumerate(_HUNK.finditer(section), start=1):
        if int(match[1]) == line:
            return number, match[0]
    return 0, ""
