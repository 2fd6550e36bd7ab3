"""The planted changes: patches to the helpdesk, each with the verdict that it must get."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
APPLICATION = HERE / "helpdesk"
FOLDER = HERE / "changes"
ORDER = ("proven", "no-gain", "slower", "different", "failed")
_HEADER = re.compile(r"Expected: (?P<expected>[\w-]+)\n\n(?P<what>.+?)\n\ndiff ", re.S)


@dataclass(frozen=True)
class Change:
    """`expected` is the verdict that is right, `what` one sentence on the change."""

    name: str
    expected: str
    what: str
    patch: Path


def changes(names: Sequence[str] = ()) -> tuple[Change, ...]:
    """All planted changes by their expected verdict, or those named. KeyError if one is not."""
    found = {path.stem: _read(path) for path in sorted(FOLDER.glob("*.patch"))}
    if names:
        return tuple(found[name] for name in names)
    return tuple(sorted(found.values(), key=lambda change: ORDER.index(change.expected)))


def _read(path: Path) -> Change:
    match = _HEADER.match(path.read_text(encoding="utf-8"))
    assert match, f"{path} does not say what is expected"
    assert match["expected"] in ORDER, path
    return Change(path.stem, match["expected"], " ".join(match["what"].split()), path)
