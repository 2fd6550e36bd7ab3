"""The fixes that were kept, as patches on the files as they were audited."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from unslow.errors import UnslowError, UsageError
from unslow.lab.patching import apply, diff, order
from unslow.model import Fix, Patch, Report, ReportedFinding

SQL_FILE = "unslow-indexes.sql"
CREATE_INDEX = re.compile(r"^\s*CREATE( UNIQUE)? INDEX (?!CONCURRENTLY)", re.IGNORECASE)

Kept = tuple[ReportedFinding, Fix]
Read = Callable[[str], bytes]


def kept(report: Report) -> tuple[Kept, ...]:
    """The kept fixes with their findings, in the report's order."""
    return tuple((finding, fix) for finding in report.findings for fix in finding.fixes if fix.kept)


def patches(fixes: Sequence[Kept]) -> list[Patch]:
    return [
        Patch(fix.fixer, fix.summary, fix.safety, fix.edits, fix.files, fix.sql) for _, fix in fixes
    ]


def in_row(fixes: Sequence[Kept]) -> list[Kept]:
    """The fixes, those with migrations in the order in which these follow each other.

    So each commit of a branch adds its migration, and none rewrites an earlier one.
    """
    places = [place for place, (_, fix) in enumerate(fixes) if fix.files]
    ordered = sorted((fixes[place] for place in places), key=lambda one: order(patches([one])[0]))
    found = list(fixes)
    for place, one in zip(places, ordered, strict=True):
        found[place] = one
    return found


def preview(report: Report, root: Path) -> str:
    """The diff of all kept fixes, and the SQL that goes with no file."""
    read = audited(report, reader(root))
    here, elsewhere = split(kept(report), read)
    rest = "".join(fix.diff for _, fix in elsewhere)
    return diff(patches(here), read) + rest + sql_script(report, here)


def reader(root: Path) -> Read:
    """Reads the files below `root`, and none outside."""

    def read(path: str) -> bytes:
        return inside(root, path).read_bytes()

    return read


def inside(root: Path, path: str) -> Path:
    full = (root / path).resolve()
    if not full.is_relative_to(root.resolve()):
        raise UsageError(f"{path} lies outside {root}")
    return full


def audited(report: Report, read: Read) -> Read:
    """`read`, refusing a file that is not as it was audited."""

    def checked(path: str) -> bytes:
        content = read(path)
        expected = report.files.get(path)
        if expected and hashlib.sha256(content).hexdigest() != expected:
            raise UnslowError(
                f"{path} has changed since the audit (or carries the fix already); "
                "nothing was written. Run `unslow audit` again"
            )
        return content

    return checked


def split(fixes: Sequence[Kept], read: Read) -> tuple[list[Kept], list[Kept]]:
    """The fixes whose files are here, and those to files elsewhere (an installed package).

    Raises UnslowError when a file is not as it was audited or cannot be read.
    """
    missing = {path for path in _edited(fixes) if not _is_here(path, read)}
    elsewhere = [kept for kept in fixes if missing & _edited([kept])]
    return [kept for kept in fixes if kept not in elsewhere], elsewhere


def require_some(here: Sequence[Kept], elsewhere: Sequence[Kept]) -> None:
    """Raise UnslowError when no file at all is here."""
    if elsewhere and not here:
        raise UnslowError(
            f"{min(_edited(elsewhere))} is not here; run `unslow fix` in the folder that was "
            "audited. Changes to an installed package belong into its own repository: "
            "`unslow fix --check` shows them"
        )


def left_out(elsewhere: Sequence[Kept]) -> list[str]:
    return [
        f"left out, not in this folder: {', '.join(sorted(_edited([kept])))} ({kept[1].fixer})"
        for kept in elsewhere
    ]


def _edited(fixes: Sequence[Kept]) -> set[str]:
    return {edit.path for _, fix in fixes for edit in fix.edits}


def _is_here(path: str, read: Read) -> bool:
    try:
        read(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise UnslowError(f"{path} cannot be read: {error.strerror}") from error
    return True


def contents(fixes: Sequence[Kept], read: Read) -> dict[str, bytes]:
    """The files that the fixes change or create, with their new content."""
    try:
        return apply(patches(fixes), read)
    except OSError as error:
        raise UnslowError(f"{error.filename}: {error.strerror}; nothing was written") from error


def sql_script(report: Report, fixes: Sequence[Kept]) -> str:
    """The statements of fixes that change no file, as a script for the database; may be empty."""
    concurrently = report.target.database.startswith("postgresql")
    return "".join(
        f"-- {fix.summary}\n{statement};\n"
        for _, fix in fixes
        if not fix.edits and not fix.files
        for statement in _statements(fix, concurrently)
    )


def _statements(fix: Fix, concurrently: bool) -> Iterator[str]:
    for statement in fix.sql:
        text = statement.strip().rstrip(";")
        yield CREATE_INDEX.sub(r"CREATE\1 INDEX CONCURRENTLY ", text) if concurrently else text
