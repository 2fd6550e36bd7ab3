"""Keeps the last report of each audited folder, so that `unslow fix` needs no arguments."""

import hashlib
import os
from pathlib import Path

from unslow.errors import UnslowError, UsageError
from unslow.lab.report import json
from unslow.model import Report


def state_dir() -> Path:
    """`$XDG_STATE_HOME/unslow`, by default `~/.local/state/unslow`."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "unslow"


def keep(report: Report, root: Path) -> None:
    """Keep `report` as the last one on the application in `root`."""
    root = root.resolve()
    folder = state_dir() / "reports" / hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "root").write_text(str(root), encoding="utf-8")
        (folder / "report.json").write_text(json.render(report), encoding="utf-8")
    except OSError as error:
        raise UnslowError(
            f"the report cannot be kept in {folder}: {error.strerror}; "
            "set XDG_STATE_HOME to a folder that can be written"
        ) from error


def last(cwd: Path) -> tuple[Report, Path]:
    """The newest kept report on `cwd`, a folder above or one below it, and the audited folder."""
    cwd = cwd.resolve()
    kept = sorted(
        (state_dir() / "reports").glob("*/report.json"),
        key=lambda path: path.stat().st_mtime,
        reverse=True,
    )
    for path in kept:
        root = Path((path.parent / "root").read_text(encoding="utf-8"))
        if root.is_relative_to(cwd) or cwd.is_relative_to(root):
            return read(path), root
    raise UsageError(f"no audit of {cwd} is kept; run `unslow audit` first or name a report")


def read(path: Path) -> Report:
    """The report in a JSON file. Raises UsageError when there is none."""
    import msgspec

    try:
        return json.parse(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise UsageError(f"{path} is not a report of unslow: {error}") from error
