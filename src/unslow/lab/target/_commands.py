"""Knows how servers are told where to listen, and tells them to listen elsewhere."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
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
        ("-b", "--bind", "-p", "--pid", "--pidfile", "--control-socket"),
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
NAMES_APPLICATION = ("--app", "-A")
NAMES_CLASS = (
    "-k", "--worker-class", "--logger-class", "--loop", "--http", "--ws", "--lifespan",
    "--interface", "--log-level", "--loops",
)  # fmt: skip
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


def module_of(command: Sequence[str]) -> str | None:
    """The dotted name of the module that a server's command names as its application.

    `gunicorn -k gthread shop.wsgi:application` gives "shop.wsgi". The meaning of most options is
    not known here, so a word with an attribute wins over one without, and a word that stands by
    itself over one that follows an option.
    """
    if server_of(command) in (None, "runserver"):
        return None
    words = _unwrapped(command)
    candidates = [
        (":" in word, before in NAMES_APPLICATION or not before.startswith("-"), "." in word, word)
        for before, word in pairwise(words)
        if APPLICATION.fullmatch(word)
        and before not in NAMES_CLASS
        and word != "run"
        and not word.endswith(".py")
    ]
    return max(candidates)[-1].partition(":")[0] if candidates else None


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
