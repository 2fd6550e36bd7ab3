"""Writes the kept fixes into the work tree: all of them, or none."""

import os
import tempfile
from pathlib import Path

from unslow.errors import UnslowError
from unslow.lab.write import _kept
from unslow.model import Report


def to_tree(report: Report, root: Path) -> list[str]:
    """Write every kept fix below `root`; the answer says what was written, a line each.

    Raises UnslowError, with nothing written, when a file is not as it was audited.
    """
    read = _kept.audited(report, _kept.reader(root))
    fixes, elsewhere = _kept.split(_kept.kept(report), read)
    _kept.require_some(fixes, elsewhere)
    files = _kept.contents(fixes, read)
    script = _kept.sql_script(report, fixes)
    if script:
        files[_kept.SQL_FILE] = script.encode()
    _write_all(root, files)
    lines = [f"wrote {path}" for path in sorted(files)] + _kept.left_out(elsewhere)
    if script:
        lines.append(f"Run the statements of {_kept.SQL_FILE} on the database.")
    return lines


def _write_all(root: Path, files: dict[str, bytes]) -> None:
    """Prepare every file beside its place first, so that a full disk or a read-only tree leaves
    all as it was."""
    prepared: dict[Path, Path] = {}
    made: list[Path] = []
    try:
        for path, content in files.items():
            full = _kept.inside(root, path)
            _make_folder(full.parent, made)
            prepared[full] = _prepare(full, content)
        for full, temporary in prepared.items():
            temporary.replace(full)
    except OSError as error:
        for temporary in prepared.values():
            temporary.unlink(missing_ok=True)
        for folder in reversed(made):
            folder.rmdir()
        raise UnslowError(f"{error.filename}: {error.strerror}; nothing was written") from error


def _make_folder(folder: Path, made: list[Path]) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent, made)
        folder.mkdir()
        made.append(folder)


def _prepare(full: Path, content: bytes) -> Path:
    descriptor, name = tempfile.mkstemp(dir=full.parent, prefix=f".{full.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        temporary.chmod(full.stat().st_mode & 0o7777 if full.exists() else 0o644)
    except OSError:
        temporary.unlink()
        raise
    return temporary
