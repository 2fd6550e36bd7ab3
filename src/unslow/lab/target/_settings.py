"""The `[tool.unslow]` table of pyproject.toml."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from unslow.errors import UsageError


class RouteMask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is not compared in the answers of some routes: JSON paths (`results[*].seen_at`), names
    of headers, regular expressions of text."""

    json: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    text: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """What pyproject.toml says; the command line wins over it.

    `command` starts the application (text is split as a shell would), `target` is what `unslow
    audit TARGET` takes, `python` the interpreter of the application, `sources` further packages
    that count as application code, `env` variables for the application, `login` a user name,
    `headers` are sent with every request, `exclude` names routes never to call, `prepare`
    is a command that `unslow prove` runs on every clone before a start, `mask` says by
    glob of routes what of their answers is not compared, `budget` is the table of
    `[tool.unslow.budget]` as it stands (see `unslow.lab.budget`), `editor` opens the links of
    `unslow live`.
    """

    command: str | tuple[str, ...] = ()
    target: str = ""
    python: str = ""
    sources: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    login: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    start_timeout_s: float = 120.0
    prepare: str | tuple[str, ...] = ()
    mask: dict[str, RouteMask] = field(default_factory=dict)
    budget: dict[str, object] = field(default_factory=dict)
    editor: str = "vscode"
    folder: Path | None = None  # where the pyproject.toml lies; None without one


def read_settings(cwd: Path) -> Settings:
    """The settings of the nearest pyproject.toml at or above `cwd`; defaults without one."""
    for folder in (cwd, *cwd.parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            return _parse(path)
    return Settings()


def _parse(path: Path) -> Settings:
    try:
        table = tomllib.loads(path.read_text("utf-8")).get("tool", {}).get("unslow", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    return _convert(table, path)


def _convert(table: Mapping[str, object], path: Path) -> Settings:
    known = set(Settings.__dataclass_fields__) - {"folder"}
    values = {key.replace("-", "_"): value for key, value in table.items()}
    if unknown := sorted(values.keys() - known):
        names = ", ".join(sorted(known))
        raise UsageError(f"{path}: [tool.unslow] has no setting {unknown[0]!r}. Known: {names}.")
    try:
        settings = msgspec.convert(values, Settings)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: [tool.unslow] {error}") from error
    _check_patterns(settings.mask, path)
    return replace(settings, folder=path.parent)


def _check_patterns(masks: Mapping[str, RouteMask], path: Path) -> None:
    for glob, mask in masks.items():
        for pattern in mask.text:
            try:
                re.compile(pattern)
            except re.error as error:
                raise UsageError(
                    f"{path}: [tool.unslow.mask.{glob!r}] text {pattern!r} is no regular "
                    f"expression: {error}. Write it as Python's re module reads it."
                ) from error
