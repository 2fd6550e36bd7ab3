"""Keeps how often a test ran each query shape, in a file beside the test that people review."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from unslow.errors import UsageError

HEAD = "# How often each test runs each query; written by pytest --unslow-update, for review.\n"

Counts = dict[str, int]
Tables = dict[str, Counts]


def file_of(test: Path) -> Path:
    """`tests/test_orders.py` has its snapshots in `tests/test_orders.queries.toml`."""
    return test.with_suffix(".queries.toml")


def read(path: Path) -> Tables:
    """The snapshots in a file; none where there is no file. Raises UsageError."""
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
        return {str(name): dict(table) for name, table in tables.items()}
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError, TypeError) as error:
        raise UsageError(
            f"{path} is no file of snapshots: {error}. Remove it and run pytest --unslow-update."
        ) from error


def write(path: Path, changed: Mapping[str, Counts]) -> None:
    """Put these snapshots in the file, and leave the others that it has as they are."""
    tables = {**read(path), **changed}
    path.write_text("\n".join((HEAD, *_written(tables))), "utf-8")


def _written(tables: Mapping[str, Counts]) -> Iterator[str]:
    for name in sorted(tables):
        yield f"[{_quoted(name)}]"
        for shape, count in sorted(tables[name].items()):
            yield f"{_quoted(shape)} = {count}"
        yield ""


def _quoted(text: str) -> str:
    """A literal string of TOML where it can hold the text, else a basic one."""
    if "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text).replace("\x7f", "\\u007f")


def difference(kept: Mapping[str, int], now: Mapping[str, int]) -> str:
    """What changed, a line for each shape that did."""
    lines = []
    for shape in sorted({*kept, *now}):
        before, after = kept.get(shape, 0), now.get(shape, 0)
        if before != after:
            lines.append(f"  {before} → {after}  {shape}")
    return "\n".join(lines)
