"""Where a new schema migration goes: after the one newest file of the app or of Alembic."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from posixpath import basename, dirname, join

from unslow.lab.prescribe._source import Source


@dataclass(frozen=True)
class Revision:
    """One file of migrations. `follows` are the names that it builds on."""

    name: str
    path: str
    follows: frozenset[str] = field(default_factory=frozenset)
    replaces: frozenset[str] = field(default_factory=frozenset)


def django_leaf(folder: str, app: str, source: Source) -> Revision | None:
    """The migration of `app` that no other builds on; None when there is none or several."""
    found = [
        revision
        for path in source.files(f"{folder}/*.py")
        if not basename(path).startswith("_")
        and (revision := _django(path, app, source)) is not None
    ]
    return _only_leaf(found)


def django_number(folder: str, source: Source) -> int:
    """The number of the next migration in the folder."""
    names = (basename(path) for path in source.files(f"{folder}/*.py"))
    numbers = [int(match[1]) for name in names if (match := re.match(r"(\d+)_", name))]
    return max(numbers, default=0) + 1


def has_alembic(source: Source) -> bool:
    return bool(_alembic_folders(source))


def alembic_head(source: Source) -> Revision | None:
    """The revision that no other builds on; None without Alembic or with several heads."""
    found = [
        revision
        for folder in _alembic_folders(source)
        for path in source.files(f"{folder}/**/*.py")
        if (revision := _alembic(path, source)) is not None
    ]
    return _only_leaf(found)


def _alembic_folders(source: Source) -> list[str]:
    scripts = [env for env in source.files("**/env.py") if b"alembic" in source.read(env)]
    return [join(dirname(env), "versions") for env in scripts]


def _only_leaf(revisions: list[Revision]) -> Revision | None:
    built_on = {name for one in revisions for name in one.follows}
    replaced = {name for one in revisions for name in one.replaces}
    leaves = [one for one in revisions if one.name not in built_on | replaced]
    return leaves[0] if len(leaves) == 1 else None


def _django(path: str, app: str, source: Source) -> Revision | None:
    tree = _tree(path, source)
    bodies = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)) if tree else ()
    body = next((node for node in bodies if node.name == "Migration"), None)
    if body is None:
        return None
    values = {name: value for node in body.body for name, value in _assigned(node)}
    name = basename(path).removesuffix(".py")
    follows, replaces = (_pairs(values.get(key), app) for key in ("dependencies", "replaces"))
    return Revision(name, path, follows, replaces)


def _alembic(path: str, source: Source) -> Revision | None:
    tree = _tree(path, source)
    values = {name: value for node in tree.body for name, value in _assigned(node)} if tree else {}
    names = _strings(values.get("revision"))
    if len(names) != 1:
        return None
    return Revision(names[0], path, frozenset(_strings(values.get("down_revision"))))


def _tree(path: str, source: Source) -> ast.Module | None:
    try:
        return ast.parse(source.read(path))
    except (OSError, SyntaxError, ValueError):
        return None


def _assigned(node: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield target.id, node.value
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
        yield node.target.id, node.value


def _pairs(node: ast.expr | None, app: str) -> frozenset[str]:
    """The names of `[("app", "0001_initial"), ...]` that are of `app`."""
    pairs = (_strings(item) for item in getattr(node, "elts", ()) if isinstance(item, ast.Tuple))
    return frozenset(pair[1] for pair in pairs if len(pair) == 2 and pair[0] == app)


def _strings(node: ast.expr | None) -> list[str]:
    items = node.elts if isinstance(node, ast.Tuple | ast.List) else [node] if node else []
    return [
        one.value for one in items if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]
