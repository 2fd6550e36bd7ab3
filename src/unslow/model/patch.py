"""A change to source or schema that a fixer wrote, or the advice it gives when it is unsure."""

from typing import Literal

import msgspec

Safety = Literal["safe", "review"]
PatchMetric = Literal["cpu", "wall", "gate"]


class TextEdit(msgspec.Struct, frozen=True):
    """Replace the bytes `start:end` of the audited file by `text` (UTF-8 offsets; equal: insert).

    Small edits compose: patches of several findings apply to one file as long as their ranges do
    not overlap; insertions at one offset are concatenated, equal ones are made once.
    """

    path: str
    start: int
    end: int
    text: str


class NewFile(msgspec.Struct, frozen=True):
    """A file to create (a migration, a revision). `path` is relative to the source root.

    A schema migration names itself and the one that it builds on, as its text does in quotes:
    of several that follow one, the second is made to follow the first.
    """

    path: str
    text: str
    revision: str = ""
    follows: str = ""


class WholeFile(msgspec.Struct, frozen=True):
    """A file with its whole new content, text or not, whether or not it existed before.

    `link`: the content is the target of a symbolic link.
    """

    path: str
    content: bytes
    executable: bool = False
    link: bool = False


class Patch(msgspec.Struct, frozen=True):
    """One candidate fix. `sql` runs on the candidate's database, in order (indexes).

    A whole version of an application has `whole` files and `removed` paths instead of edits; its
    `prepare` commands run on the clone before each start (migrations), and a non-empty `command`
    replaces the start command.

    `covers` are positions in the finding's `evidence.loads` (`(0,)` for an index). Two patches of
    one finding whose `covers` intersect are rivals: at most one is kept.

    `metric` is what decides: the CPU, the wall time (what it saves is waiting), or the gates alone
    (it makes the code right, and must only not slow it down). `at_once` requests of its endpoints
    are sent together when wall time is measured: what blocks others shows only when they meet.
    """

    fixer: str
    summary: str
    safety: Safety
    edits: tuple[TextEdit, ...] = ()
    files: tuple[NewFile, ...] = ()
    sql: tuple[str, ...] = ()
    covers: tuple[int, ...] = (0,)
    whole: tuple[WholeFile, ...] = ()
    removed: tuple[str, ...] = ()
    prepare: tuple[tuple[str, ...], ...] = ()
    command: tuple[str, ...] = ()
    metric: PatchMetric = "cpu"
    at_once: int = 1


class Recommendation(msgspec.Struct, frozen=True):
    """What a person should do, and why unslow did not write it."""

    fixer: str
    summary: str
    reason: str
