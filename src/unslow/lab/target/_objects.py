"""Finds WSGI and ASGI applications in source text, without importing anything."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from unslow.lab.target._tree import LEFT_OUT

CLASSES = {"FastAPI": "fastapi", "Starlette": "starlette", "Flask": "flask"}
GETTERS = {"get_wsgi_application": "wsgi", "get_asgi_application": "asgi"}
LIKELY_FILES = ("main.py", "app.py", "asgi.py", "wsgi.py", "application.py", "server.py", "api.py")
LIKELY_NAMES = ("app", "application")
NOT_SOURCES = LEFT_OUT | {"tests", "test", "docs", "doc", "examples", "migrations", "static"}
MAX_DEPTH = 4
MAX_FILES = 2000  # of a tree so large that a name has to be given


@dataclass(frozen=True)
class Found:
    """An application object: `attribute` of the file `path`; a factory is called for it."""

    path: Path
    attribute: str
    kind: str
    factory: bool = False


def in_folder(folder: Path) -> tuple[Found, ...]:
    """The applications in a folder's files: plain objects before factories."""
    found = [item for path in _sources(folder) for item in in_file(path)]
    return tuple(item for item in found if not item.factory) or tuple(found)


def in_file(path: Path) -> tuple[Found, ...]:
    """The applications that a file makes at its top level, and factories that return one."""
    try:
        module = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ()
    return (*_objects(path, module), *_factories(path, module))


def likeliest(found: tuple[Found, ...]) -> tuple[Found, ...]:
    """The candidates that nothing makes less likely than another one."""
    by_file = [item for item in found if item.path.name in LIKELY_FILES] or list(found)
    by_name = [item for item in by_file if item.attribute in LIKELY_NAMES] or by_file
    shallow = min((len(item.path.parts) for item in by_name), default=0)
    return tuple(item for item in by_name if len(item.path.parts) == shallow)


def module_of(item: Found, root: Path) -> tuple[str, Path]:
    """The module's dotted name, and the folder that must be on the path for it."""
    base = item.path.parent
    names = [item.path.stem]
    while base != root and ((base / "__init__.py").exists() or _imports_by(item.path, base)):
        names.insert(0, base.name)
        base = base.parent
    return ".".join(names), base


def _imports_by(path: Path, package: Path) -> bool:
    """Whether a file without `__init__.py` beside it is written as part of a package."""
    try:
        nodes = list(ast.walk(ast.parse(path.read_bytes())))
    except (OSError, SyntaxError, ValueError):
        return False
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            if node.level or (node.module or "").split(".")[0] == package.name:
                return True
        elif isinstance(node, ast.Import) and any(
            alias.name.split(".")[0] == package.name for alias in node.names
        ):
            return True
    return False


def _sources(folder: Path, depth: int = 0) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for count, entry in enumerate(entries):
        if count > MAX_FILES:
            return
        if entry.suffix == ".py" and entry.is_file() and not entry.name.startswith("test_"):
            yield entry
        elif depth < MAX_DEPTH and entry.is_dir() and _may_hold_sources(entry):
            yield from _sources(entry, depth + 1)


def _may_hold_sources(folder: Path) -> bool:
    return not (
        folder.name in NOT_SOURCES
        or folder.name.startswith(".")
        or folder.is_symlink()
        or (folder / "pyvenv.cfg").exists()
    )


def _objects(path: Path, module: ast.Module) -> Iterator[Found]:
    for node in module.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=function)):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Call(func=function)):
                pass
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if kind := _protocol(node):
                    yield Found(path, node.name, kind)
                continue
            case _:
                continue
        kind = CLASSES.get(_last(function)) or GETTERS.get(_last(function)) or ""
        if not kind and name in LIKELY_NAMES and path.name in LIKELY_FILES:
            kind = _returned(module, _last(function)) or ""
        if kind:
            yield Found(path, name, kind)


def _factories(path: Path, module: ast.Module) -> Iterator[Found]:
    for node in module.body:
        if (
            isinstance(node, ast.FunctionDef)
            and _needs_nothing(node)
            and (kind := _returned(module, node.name))
        ):
            yield Found(path, node.name, kind, factory=True)


def _returned(module: ast.Module, name: str) -> str | None:
    """The kind of application that the module's function `name` makes and returns."""
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            calls = [n for n in ast.walk(node) if isinstance(n, ast.Call)]
            kinds = [CLASSES[_last(call.func)] for call in calls if _last(call.func) in CLASSES]
            returns = any(isinstance(n, ast.Return) and n.value for n in ast.walk(node))
            return kinds[0] if kinds and returns else None
    return None


def _needs_nothing(node: ast.FunctionDef) -> bool:
    arguments = node.args
    return len(arguments.args) == len(arguments.defaults) and all(arguments.kw_defaults)


def _protocol(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str | None:
    """Whether a function is itself an application, by the parameters' customary names."""
    names = tuple(argument.arg for argument in node.args.args)
    if isinstance(node, ast.AsyncFunctionDef):
        return "asgi" if names == ("scope", "receive", "send") else None
    return "wsgi" if names == ("environ", "start_response") else None


def _last(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return name
    return ""
