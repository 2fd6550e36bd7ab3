"""How long a project lets its lines be: what its formatter is told, else what its code shows."""

import configparser
import re
import tomllib
from collections.abc import Callable, Iterator
from functools import lru_cache

Read = Callable[[str], bytes]

DEFAULT = 88  # Black's and ruff's
HABITS = (100, 120)  # the widths in common use above it
MIN_LONG_LINES = 3  # fewer are oversights, long strings or addresses
TOML = (
    ("ruff.toml", ("line-length",)),
    (".ruff.toml", ("line-length",)),
    ("pyproject.toml", ("tool", "ruff", "line-length")),
    ("pyproject.toml", ("tool", "black", "line-length")),
    ("pyproject.toml", ("tool", "black", "line_length")),
    ("pyproject.toml", ("tool", "yapf", "column_limit")),
    ("pyproject.toml", ("tool", "isort", "line_length")),
)
INI = (
    ("setup.cfg", "flake8", "max-line-length"),
    (".flake8", "flake8", "max-line-length"),
    ("tox.ini", "flake8", "max-line-length"),
    (".editorconfig", "*.py", "max_line_length"),
)


def line_length(read: Read, content: bytes = b"") -> int:
    """The columns a line may have in the project, or in a file of it with this `content`."""
    return next(_set(read), None) or _seen(content)


def setting(read: Read, *path: str) -> object:
    """A value of pyproject.toml, None where it is not set."""
    return _at(_toml(_text(read, "pyproject.toml")), path)


def _set(read: Read) -> Iterator[int]:
    for name, path in TOML:
        found = _at(_toml(_text(read, name)), path)
        if isinstance(found, int) and found > 0:
            yield found
    for name, section, option in INI:
        value = _ini(_text(read, name), section, option)
        if value.isdigit() and int(value) > 0:
            yield int(value)


def _text(read: Read, path: str) -> str:
    try:
        return read(path).decode("utf-8", "replace")
    except (OSError, LookupError):
        return ""


@lru_cache(maxsize=32)
def _toml(text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def _at(value: object, path: tuple[str, ...]) -> object:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


@lru_cache(maxsize=32)
def _ini(text: str, section: str, option: str) -> str:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text if text.lstrip().startswith("[") else f"[top]\n{text}")
    except configparser.Error:
        return ""
    return parser.get(section, option, fallback="").strip()


@lru_cache(maxsize=64)
def _seen(content: bytes) -> int:
    """Black's, or a wider habit that several long lines of code show."""
    widths = [
        len(line)
        for line in content.decode("utf-8", "replace").splitlines()
        if len(line) > DEFAULT and not re.match(r"\s*(#|[rbfu]*['\"])|.*https?://", line)
    ]
    if len(widths) < MIN_LONG_LINES:
        return DEFAULT
    return next((habit for habit in HABITS if habit >= max(widths)), HABITS[-1])
