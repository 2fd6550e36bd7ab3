"""Schema changes that a version brings along: the command that makes them on its clone."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from unslow.lab.compare._files import Files
from unslow.lab.target import Target

_DJANGO = re.compile(rb"^class Migration\b", re.M)
_ALEMBIC = re.compile(rb"^(revision|down_revision)\b[^=\n]*=", re.M)
DEPTH = 2  # folders below the root that may hold alembic.ini


def commands(before: Files, after: Files, target: Target) -> tuple[tuple[str, ...], ...]:
    """What brings the database from one version to the other; nothing without new migrations."""
    added = [
        (PurePosixPath(path), file.content)
        for path, file in after.items()
        if file is not None and before.get(path) is None and path.endswith(".py")
    ]
    found: list[tuple[str, ...]] = []
    if any(path.parent.name == "migrations" and _DJANGO.search(text) for path, text in added):
        found.append(_migrate(target))
    if any(len(set(_ALEMBIC.findall(text))) == 2 for _, text in added):
        found.append(_upgrade(target))
    return tuple(found)


def _migrate(target: Target) -> tuple[str, ...]:
    if (target.root / target.folder / "manage.py").exists():
        return "python", "manage.py", "migrate", "--noinput"
    return "python", "-m", "django", "migrate", "--noinput"


def _upgrade(target: Target) -> tuple[str, ...]:
    start = target.root / target.folder
    place = next(_configurations(start), None)
    named = ("-c", place.relative_to(start).as_posix()) if place else ()
    return "python", "-m", "alembic", *named, "upgrade", "heads"


def _configurations(folder: Path) -> Iterator[Path]:
    for depth in range(DEPTH + 1):
        yield from sorted(folder.glob("*/" * depth + "alembic.ini"))
