"""How a command ends: exit codes, and one clear message on standard error when it fails."""

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec

import typer

from unslow.errors import UnslowError

FAILED = 1
OVER_THRESHOLD = 10
OVER_BUDGET = 11
INTERRUPTED = 130
VERDICTS = {
    "proven": 0,
    "harmless": 0,
    "no-gain": 20,
    "slower": 21,
    "different": 22,
    "failed": 23,
    "inconclusive": 24,
    "not-run": 24,
}

P = ParamSpec("P")


def command(function: Callable[P, int]) -> Callable[P, None]:
    """Make a command of a function that returns its exit code."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            code = function(*args, **kwargs)
        except UnslowError as error:
            fail(str(error))
            code = error.exit_code
        except KeyboardInterrupt:
            fail("interrupted; everything that was started is stopped")
            code = INTERRUPTED
        except BrokenPipeError:
            sys.stderr.close()  # the reader of the output left, as `| head` does
            code = 0
        raise typer.Exit(code)

    return run


def fail(message: str) -> None:
    print(f"unslow: {message}", file=sys.stderr)
