"""`unslow fix`: write the proven fixes into the work tree, or onto a branch."""

from pathlib import Path
from typing import Annotated

import typer

from unslow.cli._outcome import command
from unslow.errors import UsageError


@command
def fix(
    report: Annotated[
        Path | None, typer.Argument(help="A JSON report; the last audit if left out.")
    ] = None,
    branch: Annotated[
        str | None,
        typer.Option(help="Write one commit per fix onto this new branch; check nothing out."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Show what would change, and change nothing.")
    ] = False,
) -> int:
    """Write the proven fixes of the last audit.

    Refused when a file has changed since the audit.
    """
    from unslow.cli import _state
    from unslow.lab import write

    if branch is not None and check:
        raise UsageError("--branch and --check exclude each other")
    if report is None:
        found, root = _state.last(Path.cwd())
    else:
        found = _state.read(report)
        root = Path.cwd() / found.target.root
        root = root if root.is_dir() else Path.cwd()  # a report from another machine
    if not write.kept(found):
        print("Nothing to write: the report has no proven fix.")
    elif check:
        print(write.preview(found, root), end="")
    elif branch is None:
        for line in write.to_tree(found, root):
            print(line)
    else:
        for line in write.to_branch(found, root, branch):
            print(line)
    return 0
