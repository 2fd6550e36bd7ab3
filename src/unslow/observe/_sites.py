"""Names the expressions of the application that led to a moment, exact to the column."""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from itertools import islice
from types import CodeType, FrameType
from typing import Any, TypedDict


class Site(TypedDict):
    """`model.Site` as JSON; the path is absolute."""

    path: str
    line: int
    end_line: int
    column: int
    end_column: int
    function: str


STACK_LIMIT = 25  # frames; deeper application stacks are recursion

created_at: ContextVar[tuple[Site, ...]] = ContextVar("unslow_created_at", default=())

_floors: set[int] = set()
_OWN = os.path.dirname(os.path.abspath(__file__))
_LIBRARIES = ("site-packages", "dist-packages", "node_modules")
_STANDARD = os.path.dirname(os.path.abspath(os.__file__))
_MOST_KNOWN = 100_000  # files and expressions; generated code must not fill the memory
_roots: list[str] = []
_packages: dict[str, str] = {}
_applications: dict[str, str] = {}  # co_filename -> absolute path, "" for a library's
_virtual: dict[str, bool] = {}
_places: dict[tuple[int, int], tuple[CodeType, Site]] = {}


def configure(roots: Iterable[str], packages: Iterable[str]) -> None:
    """Set the directories and packages whose code belongs to the application."""
    _roots[:] = dict.fromkeys(
        path for root in roots if root for path in (os.path.abspath(root), os.path.realpath(root))
    )
    _packages.clear()
    _applications.clear()
    add_packages(packages)


def add_packages(names: Iterable[str]) -> None:
    """Count these packages (dotted names allowed) as application code wherever they lie."""
    for name in {name.strip().partition(".")[0] for name in names} - {""}:
        if name not in _packages and (location := _location(name)):
            _packages[name] = location
            _applications.clear()


def packages() -> dict[str, str]:
    """The directory (or the file) of each package that was added."""
    return dict(_packages)


def is_application(filename: str) -> bool:
    """Tell whether a code object's file belongs to the application."""
    try:
        return bool(_applications[filename])
    except KeyError:
        if len(_applications) >= _MOST_KNOWN:
            _applications.clear()
        _applications[filename] = _application_path(filename)
        return bool(_applications[filename])


def floor(function: Callable[..., Any]) -> None:
    """Let stacks end at this function: below it are servers and `main()`, not the request."""
    _floors.add(id(function.__code__))


def site_of(frame: FrameType) -> Site:
    """The expression that the frame is executing now."""
    return _place(frame.f_code, frame.f_lasti, frame.f_lineno or 0)


def application_stack(limit: int = STACK_LIMIT, frame: FrameType | None = None) -> list[Site]:
    """The application's frames, innermost first.

    Continues over greenlet parents (SQLAlchemy's asyncio) and into the stack that created the
    current task or submitted the current thread's work.
    """
    stack: list[Site] = []
    at: FrameType | None = frame or sys._getframe(1)
    greenlet: Any = getattr(sys.modules.get("greenlet"), "getcurrent", _nothing)()
    while not _walk(at, stack, limit):
        greenlet = getattr(greenlet, "parent", None)
        if greenlet is None:
            break
        at = greenlet.gr_frame
    return [*stack, *created_at.get()][:limit]


def _walk(at: FrameType | None, stack: list[Site], limit: int) -> bool:
    """Add the application's frames from here outwards; True if a floor or the limit ends them."""
    known = _applications
    while at is not None:
        code = at.f_code
        filename = code.co_filename
        if known[filename] if filename in known else is_application(filename):
            stack.append(_place(code, at.f_lasti, 0))
            if len(stack) >= limit:
                return True
        elif id(code) in _floors:
            return True
        at = at.f_back
    return False


def _nothing() -> None:
    return None


def _place(code: CodeType, lasti: int, line: int) -> Site:
    key = (id(code), lasti)
    found = _places.get(key)
    if found is None:
        if len(_places) >= _MOST_KNOWN:
            _places.clear()
        found = _places[key] = (code, _locate(code, lasti, line))  # the code keeps its id alive
    return found[1]


def _locate(code: CodeType, lasti: int, line: int) -> Site:
    path = _applications.get(code.co_filename) or code.co_filename
    position = next(islice(code.co_positions(), max(lasti, 0) // 2, None), None)
    start, end, column, end_column = position or (None, None, None, None)
    if start is None:
        return _whole(code, path, line)
    return Site(
        path=path,
        line=start,
        end_line=end or start,
        column=column or 0,
        end_column=end_column or 0,
        function=code.co_qualname,
    )


def _whole(code: CodeType, path: str, line: int = 0) -> Site:
    at = line or code.co_firstlineno
    return Site(path=path, line=at, end_line=at, column=0, end_column=0, function=code.co_qualname)


def _application_path(filename: str) -> str:
    if filename.startswith("<") or not filename.endswith((".py", ".pyw")):
        return ""  # generated code; templates have line numbers of their own
    absolute = os.path.abspath(filename)
    return next((path for path in (absolute, os.path.realpath(absolute)) if _counts(path)), "")


def _counts(path: str) -> bool:
    if _below(path, _OWN):
        return False
    folders = (*_packages.values(), *_roots)
    return any(_below(path, folder) and not _library(path, folder) for folder in folders)


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _library(path: str, root: str) -> bool:
    if _below(path, _STANDARD) and not _below(root, _STANDARD):
        return True
    parts = os.path.relpath(path, root).split(os.sep)[:-1]
    if any(part in _LIBRARIES for part in parts):
        return True
    return any(_is_virtual(os.path.join(root, *parts[: n + 1])) for n in range(len(parts)))


def _is_virtual(folder: str) -> bool:
    if folder not in _virtual:
        _virtual[folder] = os.path.exists(os.path.join(folder, "pyvenv.cfg"))
    return _virtual[folder]


def _location(name: str) -> str:
    if name in sys.stdlib_module_names or name == "unslow":
        return ""
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    if spec is None:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError, AttributeError):
            return ""
    if spec is None:
        return ""
    if spec.submodule_search_locations:
        return os.path.abspath(next(iter(spec.submodule_search_locations)))
    return os.path.abspath(spec.origin) if spec.origin and os.path.exists(spec.origin) else ""
