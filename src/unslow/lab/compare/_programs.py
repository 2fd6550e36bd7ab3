"""Two start commands, or two running services, as two versions of one application."""

import shlex
import shutil
from pathlib import Path

from unslow.errors import UsageError
from unslow.lab.compare.versions import Version, Versions
from unslow.model import Patch

Words = tuple[str, ...]
SERVERS = frozenset(  # may be installed in the application's environment alone
    {"gunicorn", "uvicorn", "granian", "hypercorn", "flask", "daphne", "python", "waitress-serve"}
)


def commands(base: str | None, candidate: str | None) -> tuple[Words, Words] | None:
    """The words of both commands; None when the arguments are something else.

    Raises UsageError when only one of the two is a command.
    """
    found = [_words(text) for text in (base, candidate) if text]
    if not any(found):
        return None
    if len(found) != 2 or not all(found):
        one = base if base and _words(base) else candidate
        raise UsageError(f"{one!r} is a command; compare it with another command")
    return found[0], found[1]


def are_urls(base: str | None, candidate: str | None) -> bool:
    """Whether the arguments are two services that run already.

    Raises UsageError when only one of the two is.
    """
    found = [bool(text and text.startswith(("http://", "https://"))) for text in (base, candidate)]
    if any(found) and not all(found):
        raise UsageError("compare a URL with another URL: both services must be running already")
    return all(found)


def started_by(base: Words, candidate: Words) -> Versions:
    """The same sources, started in two ways."""
    first, second = " ".join(base), " ".join(candidate)
    if base == candidate:
        raise UsageError(f"{first!r} is the same command twice; there is nothing to compare")
    return Versions(
        Version(first, Patch("version", first, "review", command=base)),
        Version(second, Patch("version", second, "review", command=candidate)),
    )


def _words(text: str) -> Words:
    """A text with a space whose first word is a program, as words; else nothing."""
    if " " not in text or Path(text).exists():
        return ()
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"{text!r} is not a command: {error}") from error
    is_program = bool(shutil.which(words[0])) or Path(words[0]).exists()
    return words if is_program or Path(words[0]).name in SERVERS else ()
