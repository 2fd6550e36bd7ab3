"""Knows how servers are told where to listen, and tells them to listen elsewhere."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

HOST = "127.0.0.1"
ADDRESS = re.compile(r"(?:.*:)?\d+")  # what runserver takes: 8000, 0.0.0.0:8000, [::]:8000
WRAPPERS = {
    "uv": ("run",),
    "poetry": ("run",),
    "pdm": ("run",),
    "pipenv": ("run",),
    "hatch": ("run",),
}


@dataclass(frozen=True)
class Server:
    """How one server is told to listen.

    `valued` options take a value and are dropped, `flags` are dropped, `added` is appended with
    `{host}` and `{port}` filled in. `words` must follow the server's name (`flask … run`).
    """

    valued: tuple[str, ...]
    flags: tuple[str, ...]
    added: tuple[str, ...]
    words: tuple[str, ...] = ()


SERVERS = {
    "gunicorn": Server(
        ("-b", "--bind", "-p", "--pid", "--pidfile"),
        ("-D", "--daemon", "--reload"),
        ("--bind", "{host}:{port}"),
    ),
    "uvicorn": Server(
        ("--host", "--port", "--uds", "--fd", "--reload-dir", "--reload-include",
         "--reload-exclude", "--reload-delay"),
        ("--reload",),
        ("--host", "{host}", "--port", "{port}"),
    ),
    "granian": Server(
        ("--host", "--port", "--uds", "--reload-paths", "--pid-file"),
        ("--reload", "--no-reload"),
        ("--host", "{host}", "--port", "{port}"),
    ),
    "hypercorn": Server(
        ("-b", "--bind", "--insecure-bind", "--quic-bind", "-p", "--pid"),
        ("--reload", "--daemon"),
        ("--bind", "{host}:{port}"),
    ),
    "daphne": Server(
        ("-b", "--bind", "-p", "--port", "-u", "--unix-socket", "-e", "--endpoint", "--fd"),
        (),
        ("-b", "{host}", "-p", "{port}"),
    ),
    "waitress-serve": Server(
        ("--host", "--port", "--listen", "--unix-socket"), (), ("--listen", "{host}:{port}")
    ),
    "flask": Server(
        ("-h", "--host", "-p", "--port", "--extra-files"),
        ("--reload", "--no-reload"),
        ("--host", "{host}", "--port", "{port}", "--no-reload"),
        words=("run",),
    ),
    "fastapi": Server(
        ("--host", "--port"),
        ("--reload", "--no-reload"),
        ("--host", "{host}", "--port", "{port}", "--no-reload"),
    ),
    "runserver": Server((), ("--noreload", "-6", "--ipv6"), ("{host}:{port}", "--noreload")),
}  # fmt: skip
APPLICATION = re.compile(r"[A-Za-z_][\w.]*(?::[A-Za-z_][\w.]*(?:\(.*\))?)?")


def server_of(command: Sequence[str]) -> str | None:
    """The name in SERVERS of the server that a command starts; None for any other command."""
    words = _unwrapped(command)
    if not words:
        return None
    name = PurePath(words[0]).name
    if name in ("manage.py", "django-admin", "django-admin.py"):
        return "runserver" if "runserver" in words[1:] else None
    server = SERVERS.get(name)
    if server is None or not all(word in words[1:] for word in server.words):
        return None
    return name


def listen_at(command: Sequence[str], port: int) -> tuple[str, ...]:
    """The command with its bind address replaced; unchanged when its server is not known."""
    name = server_of(command)
    if name is None:
        return tuple(command)
    server = SERVERS[name]
    kept = _without(command, server)
    if name == "runserver":
        kept = _without_address(kept)
    added = tuple(word.format(host=HOST, port=port) for word in server.added)
    # granian and gunicorn take options after the application; nothing may follow a "--".
    return (*kept, *added)


def modules_of(command: Sequence[str]) -> tuple[str, ...]:
    """The dotted names of modules that a command may name as its application, likeliest last.

    `gunicorn shop.wsgi:application` gives `("shop.wsgi",)`.
    """
    if server_of(command) is None:
        return ()
    words = _unwrapped(command)[1:]
    found = [word.partition(":")[0] for word in words if APPLICATION.fullmatch(word)]
    return tuple(word for word in found if word not in ("run", "runserver", "dev"))


def _unwrapped(command: Sequence[str]) -> tuple[str, ...]:
    """The command from the server's name on, without `env X=1`, `uv run`, `python -m`."""
    words = list(command)
    while words:
        name = PurePath(words[0]).name
        if name == "env":
            words = words[1:]
            while words and "=" in words[0]:
                words = words[1:]
        elif name in WRAPPERS and len(words) > 2 and words[1] in WRAPPERS[name]:
            words = words[2:]
        elif re.fullmatch(r"python[\d.]*", name):
            words = _script(words[1:])
        else:
            return tuple(words)
    return ()


def _script(words: list[str]) -> list[str]:
    """What a Python interpreter with these arguments runs."""
    while words and words[0].startswith("-") and words[0] != "-m":
        words = words[2:] if words[0] in ("-W", "-X") else words[1:]
    if words and words[0] == "-m":
        return ["manage.py" if words[1:2] == ["django"] else "".join(words[1:2]), *words[2:]]
    return words


def _without(command: Sequence[str], server: Server) -> tuple[str, ...]:
    kept: list[str] = []
    words = iter(command)
    short = tuple(option for option in server.valued if not option.startswith("--"))
    first = len(command) - len(_unwrapped(command))
    for position, word in enumerate(words):
        if position <= first:
            kept.append(word)
        elif word in server.valued:
            next(words, None)
        elif word in server.flags or word.partition("=")[0] in server.valued:
            continue
        elif any(word.startswith(option) and len(word) > 2 for option in short):
            continue  # -b0.0.0.0:8000
        else:
            kept.append(word)
    return tuple(kept)


def _without_address(command: Sequence[str]) -> tuple[str, ...]:
    """Drops the positional `addrport` of runserver, which may stand anywhere behind it."""
    start = list(command).index("runserver")
    kept = list(command[: start + 1])
    previous = ""
    for word in command[start + 1 :]:
        takes_value = previous in ("--settings", "--pythonpath", "-v", "--verbosity")
        if word.startswith("-") or takes_value or not ADDRESS.fullmatch(word):
            kept.append(word)
        previous = word
    return tuple(kept)
