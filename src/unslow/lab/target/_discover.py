"""Finds the application and its start command, without configuration where it can be."""

import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from unslow.errors import UsageError
from unslow.lab.target import _commands, _objects, _pythons
from unslow.lab.target._objects import Found
from unslow.lab.target._pythons import Place
from unslow.lab.target._settings import Settings
from unslow.lab.target._types import Target

SETTINGS_MODULE = "DJANGO_SETTINGS_MODULE"
SET_IN_MANAGE = re.compile(rf"""{SETTINGS_MODULE}["'],\s*["']([\w.]+)["']""")
MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(:[A-Za-z_][\w.]*(\(\))?)?")
HOW = (
    "Name it: unslow audit module:app, unslow audit path/to/manage.py, or give the start command: "
    "unslow audit -- gunicorn shop.wsgi"
)


class NotFound(UsageError):
    """There is no application to find; nothing was named."""


def discover(
    argument: str | None,
    command: Sequence[str] = (),
    *,
    cwd: Path,
    sources: Sequence[str] = (),
    settings: Settings,
) -> Target:
    """The target that `unslow audit [ARGUMENT] [-- COMMAND]` names in the folder `cwd`.

    `argument` is a folder, a manage.py or another file, or `module:attr`. Raises UsageError when
    there is no application or more than one, naming what was found and what to type.
    """
    cwd = cwd.resolve()
    named = argument or ("" if command else settings.target)
    if not (argument or command) and settings.folder and (settings.command or settings.target):
        cwd = settings.folder.resolve()
    place = Place(
        cwd, tuple(dict.fromkeys((*settings.sources, *sources))), settings, dict(settings.env)
    )
    words = tuple(command) or (() if argument else _words(settings.command))
    if words:
        folder = cwd / named if named else cwd
        if not folder.is_dir():
            raise UsageError(f"Give either {named!r} or a start command, not both.")
        return _by_command(words, replace(place, root=folder.resolve()))
    return _named(named, place) if named else _anything(place)


def _words(command: str | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(shlex.split(command)) if isinstance(command, str) else command


def _named(name: str, place: Place) -> Target:
    path = (place.root / name).resolve()
    if path.is_dir():
        return _anything(replace(place, root=path))
    if path.name == "manage.py" and path.is_file():
        return _django(path, replace(place, root=path.parent))
    if path.suffix == ".py" and path.is_file():
        if not path.is_relative_to(place.root):
            place = replace(place, root=path.parent)
        return _one_of(_objects.in_file(path), place, f"in {name}")
    if MODULE.fullmatch(name) and not path.exists():
        return _by_module(name, place)
    if os.sep in name or path.suffix == ".py":
        raise UsageError(f"There is no {name}. {HOW}")
    raise UsageError(f"{name!r} is neither a folder nor module:app. {HOW}")


def _anything(place: Place) -> Target:
    managers = tuple(_managers(place.root))
    if len(managers) == 1:
        return _django(managers[0], place)
    if managers:
        names = ", ".join(str(path.relative_to(place.root)) for path in managers)
        raise UsageError(
            f"{place.root} holds several Django projects: {names}. "
            f"Name one: unslow audit {managers[0].relative_to(place.root)}"
        )
    if module := place.environment.get(SETTINGS_MODULE):
        return _django_by_settings(module, place)
    return _one_of(_objects.likeliest(_objects.in_folder(place.root)), place, f"in {place.root}")


def _managers(root: Path) -> Iterator[Path]:
    """The manage.py of the folder itself, else those of its near subfolders."""
    if _is_manager(root / "manage.py"):
        yield root / "manage.py"
        return
    for pattern in ("*/manage.py", "*/*/manage.py"):
        for path in sorted(root.glob(pattern)):
            folders = path.relative_to(root).parts[:-1]
            if not _objects.NOT_SOURCES & set(folders) and _is_manager(path):
                yield path


def _is_manager(path: Path) -> bool:
    try:
        return "django" in path.read_text("utf-8", "replace").lower()
    except OSError:
        return False


def _django(manager: Path, place: Place) -> Target:
    folder = manager.parent
    match = SET_IN_MANAGE.search(manager.read_text("utf-8", "replace"))
    settings = place.environment.get(SETTINGS_MODULE) or (match[1] if match else "")
    python, found = _pythons.with_framework(place, "django", folder)
    wsgi = _wsgi_module(settings, folder)
    if wsgi and found["gunicorn"]:
        command = (*_program(python, "gunicorn"), wsgi)
    else:
        command = (str(python), "manage.py", "runserver")
    return _target(place, command, python, "django", folder)


def _django_by_settings(module: str, place: Place) -> Target:
    python, found = _pythons.with_framework(place, "django", place.root)
    wsgi = _wsgi_module(module, place.root)
    if wsgi and found["gunicorn"]:
        command = (*_program(python, "gunicorn"), wsgi)
    else:
        command = (str(python), "-m", "django", "runserver")
    return _target(place, command, python, "django", place.root)


def _wsgi_module(settings: str, folder: Path) -> str | None:
    """The wsgi.py that startproject puts near the settings, as a dotted name."""
    packages = settings.split(".")[:-1]
    for depth in range(len(packages), -1, -1):
        file = folder.joinpath(*packages[:depth], "wsgi.py")
        if file.exists() and any(
            item.attribute == "application" for item in _objects.in_file(file)
        ):
            return ".".join((*packages[:depth], "wsgi"))
    return None


def _one_of(found: tuple[Found, ...], place: Place, where: str) -> Target:
    if not found:
        raise NotFound(
            f"No application found {where}: no manage.py, no {SETTINGS_MODULE}, no FastAPI, "
            f"Starlette or Flask object. {HOW}"
        )
    if len(found) > 1:
        names = [f"{_objects.module_of(item, place.root)[0]}:{item.attribute}" for item in found]
        raise UsageError(
            f"Several applications found {where}: {', '.join(names)}. "
            f"Name one: unslow audit {names[0]}"
        )
    return _by_object(found[0], place)


def _by_object(item: Found, place: Place) -> Target:
    module, base = _objects.module_of(item, place.root)
    return _served(f"{module}:{item.attribute}", item.kind, item.factory, base, place)


def _by_module(name: str, place: Place) -> Target:
    module, _, attribute = name.partition(":")
    for base in (place.root, place.root / "src"):
        stem = base.joinpath(*module.split("."))
        for file in (stem.with_suffix(".py"), stem / "__init__.py"):
            if file.is_file():
                return _by_file(file, module, attribute, base, place)
    return _served(name, "", False, place.root, place)


def _by_file(file: Path, module: str, attribute: str, base: Path, place: Place) -> Target:
    found = _objects.in_file(file)
    if not attribute:
        found = _objects.likeliest(tuple(item for item in found if not item.factory)) or found
        if len(found) != 1:
            names = ", ".join(f"{module}:{item.attribute}" for item in found) or "none"
            raise UsageError(f"Which application of {module}? Found: {names}. {HOW}")
        attribute = found[0].attribute
    wanted = attribute.removesuffix("()")
    for item in found:
        if item.attribute == wanted:
            return _served(f"{module}:{wanted}", item.kind, item.factory, base, place)
    return _served(f"{module}:{attribute}", "", attribute.endswith("()"), base, place)


def _served(name: str, kind: str, factory: bool, base: Path, place: Place) -> Target:
    """A target for `module:attr`: the first server that is installed and speaks its protocol."""
    python, found = _pythons.with_framework(place, kind, place.root)
    module, _, attribute = name.partition(":")
    kind = kind or _guess(module, found)
    if str(base) not in (str(place.root), *_pythons.search_path(python, place)):
        before = place.environment.get("PYTHONPATH", "")
        place.env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(base), before)))
    application = f"{module}:{attribute or 'app'}"
    if kind in ("flask", "wsgi"):
        servers = {
            "gunicorn": ("gunicorn", application + ("()" if factory else "")),
            "granian": ("granian", "--interface", "wsgi", *(["--factory"] * factory), application),
            "waitress": ("waitress-serve", *(["--call"] * factory), application),
        }
        if kind == "flask":
            servers["flask"] = ("flask", "--app", application + ("()" if factory else ""), "run")
    else:
        servers = {
            "uvicorn": ("uvicorn", *(["--factory"] * factory), application),
            "granian": ("granian", "--interface", "asgi", *(["--factory"] * factory), application),
            "hypercorn": ("hypercorn", application + ("()" if factory else "")),
        }
    for package, words in servers.items():
        if found[package]:
            return _target(
                place, (*_program(python, words[0]), *words[1:]), python, kind, place.root
            )
    raise UsageError(
        f"{application} needs a server, and {python} has none of {', '.join(servers)}. "
        f"Install one there: {python} -m pip install {next(iter(servers))}"
    )


def _guess(module: str, found: Mapping[str, str | None]) -> str:
    if module.rpartition(".")[2] == "wsgi" or not (found["uvicorn"] or found["granian"]):
        return "wsgi"
    return "asgi"


def _by_command(words: tuple[str, ...], place: Place) -> Target:
    python = _pythons.of_command(words, place)
    server = _commands.server_of(words)
    is_django = server == "runserver" or SETTINGS_MODULE in place.environment
    is_django = is_django or _is_manager(place.root / "manage.py")
    kind = "django" if is_django else "asgi" if server in ("uvicorn", "hypercorn") else "wsgi"
    return _target(place, words, python, kind, place.root)


def _target(place: Place, command: Sequence[str], python: Path, kind: str, folder: Path) -> Target:
    return Target(
        root=place.root,
        command=tuple(command),
        python=python,
        kind=kind,
        folder="" if folder == place.root else str(folder.relative_to(place.root)),
        sources=place.sources,
        env=place.env,
        start_timeout_s=place.settings.start_timeout_s,
        masks=place.settings.mask,
    )


def _program(python: Path, name: str) -> tuple[str, ...]:
    """The installed script of a server, by its bare name where PATH finds the same one."""
    if (python.parent / name).exists():
        return (name,)
    return (str(python), "-m", name)
