"""The command line: one file per command, each with arguments and exit codes and no analysis."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `unslow`; leaves by SystemExit with the exit code."""
    try:
        from unslow.cli._app import run
    except ImportError as error:
        sys.exit(f"unslow: {error.name} is missing; run: pip install 'unslow[lab]'")
    run(sys.argv[1:] if arguments is None else arguments)
