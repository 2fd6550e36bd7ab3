"""What a fixer needs of a finding about rows: their place in the source, and their model."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._source import Source
from unslow.lab.rows import File, Rows, rows_at
from unslow.model import Finding, Model, RowsEvidence, Site, TextEdit

READING = frozenset(
    {"sum", "len", "bool", "any", "all", "min", "max", "sorted", "list", "set", "tuple", "next"}
)


@dataclass(frozen=True)
class Found:
    """The rows that a finding is about."""

    rows: Rows
    model: Model
    evidence: RowsEvidence

    @property
    def file(self) -> File:
        return self.rows.file


def rows_of(finding: Finding, source: Source, orm: str) -> Found | None:
    """None for findings of another ORM, or whose source has changed."""
    evidence = finding.evidence
    if not isinstance(evidence, RowsEvidence) or evidence.orm != orm or evidence.query is None:
        return None
    model = source.model(evidence.model)
    rows = _rows(evidence.query, source)
    return Found(rows, model, evidence) if rows is not None and model is not None else None


def node_of(finding: Finding, source: Source, orm: str) -> tuple[File, ast.expr] | None:
    """The file and the expression that the finding's query is."""
    evidence = finding.evidence
    if not isinstance(evidence, RowsEvidence) or evidence.orm != orm or evidence.query is None:
        return None
    file = parsed(source, evidence.query.path)
    node = file.at(evidence.query) if file is not None else None
    return (file, node) if file is not None and node is not None else None


def imports_at(source: Source, file: File) -> Imports | None:
    module = source.module(file.path)
    return Imports(module) if module is not None else None


class NameTaken(Exception):
    """The module gives a name that the fix needs another meaning."""


def known(imports: Imports, package: str, name: str) -> str:
    """How the module writes `name`. Raises `NameTaken`."""
    found = imports.name(package, name)
    if found is None:
        raise NameTaken(name)
    return found


def parsed(source: Source, path: str) -> File | None:
    """None for a file that cannot be read, or in which `sum` and its like mean something else."""
    try:
        file = File.parse(path, source.read(path))
    except OSError:
        return None
    return None if file is None or any(_shadows(file, node) for node in file.parents) else file


def _shadows(file: File, node: ast.AST) -> bool:
    if isinstance(node, ast.arg):
        return node.arg in READING
    if isinstance(node, ast.Name):
        name = node.id if isinstance(node.ctx, ast.Store) else ""
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        name = node.name
    elif isinstance(node, ast.alias):
        name = node.asname or node.name
    else:
        return False
    return name in READING and not isinstance(file.parents[node], ast.ClassDef)


def combined(*parts: Sequence[TextEdit]) -> tuple[TextEdit, ...]:
    """All edits in the order of the file."""
    return tuple(sorted((e for part in parts for e in part), key=lambda e: (e.start, e.end)))


def _rows(site: Site, source: Source) -> Rows | None:
    file = parsed(source, site.path)
    node = file.at(site) if file is not None else None
    return rows_at(file, node) if file is not None and node is not None else None
