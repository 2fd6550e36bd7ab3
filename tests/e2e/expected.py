"""Reads what the audit of each shop must find."""

import ast
import tomllib
from dataclasses import dataclass
from pathlib import Path

from unslow.model import Finding

HERE = Path(__file__).parent

Position = tuple[int, int, int, int]  # line, column, end line, end column, as in ast


@dataclass(frozen=True)
class Call:
    """A request that stands for an endpoint (`METHOD route`)."""

    endpoint: str
    example: str
    form: str
    body: str = ""
    status: int = 200

    @property
    def method(self) -> str:
        return self.endpoint.split()[0]


@dataclass(frozen=True)
class Slow(Call):
    """A planted slow form: its cause is the expression `cause` in `file`.

    A duplicate query is asked in the same words again; its cause is the first of them.
    """

    detector: str = ""
    file: str = ""
    cause: str = ""
    within: str = ""
    fixers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Expected:
    slow: tuple[Slow, ...]
    clean: tuple[Call, ...]

    @property
    def calls(self) -> dict[str, Call]:
        """One call per endpoint, in the order of the file: reads before writes."""
        return {call.endpoint: call for call in (*self.slow, *self.clean)}


def read(flavour: str) -> Expected:
    data = tomllib.loads((HERE / f"expected_{flavour}.toml").read_text())
    return Expected(
        tuple(Slow(**_tuples(entry)) for entry in data["slow"]),
        tuple(Call(**_tuples(entry)) for entry in data["clean"]),
    )


def positions(source: str, cause: str, within: str = "") -> list[Position]:
    """Where the expressions with the text of `cause` are, or the function that it names."""
    if cause.startswith("def "):
        return [_position(node) for node in _scopes(ast.parse(source), cause.removeprefix("def "))]
    wanted = ast.dump(ast.parse(cause, mode="eval").body)
    return [
        _position(node)
        for scope in _scopes(ast.parse(source), within)
        for node in ast.walk(scope)
        if isinstance(node, ast.expr) and ast.dump(node) == wanted
    ]


def is_found(slow: Slow, finding: Finding, source: str) -> bool:
    """Whether `finding` is the planted form: its detector, its endpoint, its exact expression."""
    cause = finding.cause
    if cause is None or (finding.id, cause.path) != (slow.detector, slow.file):
        return False
    if slow.endpoint not in finding.endpoints:
        return False
    place = (cause.line, cause.column, cause.end_line, cause.end_column)
    wanted = min(positions(source, slow.cause, slow.within))
    return place == wanted or place == _awaited(source, wanted)


def _awaited(source: str, wanted: Position) -> Position | None:
    """Where the `await` of the expression at `wanted` is; what runs a statement is awaited."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Await) and _position(node.value) == wanted:
            return _position(node)
    return None


def _position(node: ast.expr) -> Position:
    return (node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0)


def _scopes(tree: ast.Module, within: str) -> list[ast.AST]:
    if not within:
        return [tree]
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node for node in ast.walk(tree) if isinstance(node, kinds) and node.name == within]


def _tuples(entry: dict[str, object]) -> dict[str, object]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
