"""Finds the application and its start command, without configuration where it can be."""

from collections.abc import Sequence
from pathlib import Path

from unslow.lab.target._settings import Settings
from unslow.lab.target._types import Target


def discover(
    argument: str | None,
    command: Sequence[str] = (),
    *,
    cwd: Path,
    sources: Sequence[str] = (),
    settings: Settings,
) -> Target:
    """The target that `unslow audit [ARGUMENT] [-- COMMAND]` names in the folder `cwd`.

    `argument` is a folder, a manage.py, or `module:attr`. Raises UsageError when there is no
    application or more than one, naming what was found and what to type.
    """
    raise NotImplementedError
