"""Starts the application's normal command, observed and listening where we choose."""

import http.client
import os
import re
import secrets
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import unslow
from unslow.errors import UnslowError
from unslow.lab.target import _commands, _control, _process
from unslow.lab.target._broker import Broker
from unslow.lab.target._clones import Clones
from unslow.lab.target._types import Level, Target, Tree

POLL_S = 0.03
OTHERS_S = 10.0  # how long another port may still open after one that is not the application's
PING_S = 1.0  # a server may accept connections before it has a worker that answers
CRASHES = 4  # workers that came and went before any answered: the supervisor never gives up
PORT_TAKEN = re.compile(r"address already in use|port is already in use|Connection in use", re.I)


class GivenUp(UnslowError):
    """This start was broken off because of another one."""


class PortTaken(Exception):
    """Somebody took the port between our choice and the server's start."""


@dataclass(frozen=True)
class Spec:
    """What a launch is made of. `python_path` comes first on the application's path."""

    target: Target
    tree: Tree
    arm: str
    level: Level
    folder: Path
    pycache: Path
    python_path: tuple[str, ...]
    token: str
    packages: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def socket(self) -> Path:
        return self.folder / "s"

    @property
    def listens_as_told(self) -> bool:
        """Whether the server is one whose address can be set on its command line."""
        return _commands.server_of(self.target.command) is not None

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def log_tail(self, lines: int = 20) -> str:
        """The last lines that the application printed, with the user's own paths."""
        text = _process.tail(self.log, lines)
        return text.replace(str(self.tree.root), str(self.target.root))


def make_injection(folder: Path) -> Path:
    """A folder that, first on PYTHONPATH, puts a process under observation."""
    package = Path(unslow.__file__).parent
    folder.mkdir()
    shutil.copyfile(
        package / "observe" / "_inject" / "sitecustomize.py", folder / "sitecustomize.py"
    )
    (folder / "unslow").symlink_to(package)
    return folder


def new_token() -> str:
    return secrets.token_urlsafe(16)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_commands.HOST, 0))
        return int(probe.getsockname()[1])


def start(spec: Spec, port: int) -> subprocess.Popen[bytes]:
    """Start the command. Raises UnslowError when there is no such program."""
    return start_words(spec, _commands.listen_at(spec.target.command, port), port)


def start_words(spec: Spec, words: Sequence[str], port: int) -> subprocess.Popen[bytes]:
    """Start any command as the application is started. Raises UnslowError without the program."""
    command = _in_tree(spec, words)
    environment = _environment(spec, port)
    try:
        return _process.start(
            (_executable(spec, command[0], environment), *command[1:]),
            cwd=spec.tree.root / spec.target.folder,
            env=environment,
            log=spec.log,
        )
    except OSError as error:
        raise UnslowError(
            f"The command {' '.join(words)!r} cannot be run: "
            f"{error.strerror}: {command[0]}\nGive the command that starts the application after "
            "--, or as command in [tool.unslow]."
        ) from error


def wait_until_ready(
    spec: Spec,
    process: subprocess.Popen[bytes],
    port: int,
    broker: Broker,
    clones: Clones,
    given_up: threading.Event,
) -> int:
    """Wait for an answer of the recorder; the port that the application listens on.

    Raises PortTaken, or UnslowError with the last lines of the application.
    """
    deadline = time.monotonic() + spec.target.start_timeout_s
    unanswered: _Unanswered | None = None
    while time.monotonic() < deadline:
        if clones.busy:
            deadline = time.monotonic() + spec.target.start_timeout_s
        _raise_if_hopeless(spec, process, broker, given_up)
        for candidate in _ports(spec, process, port):
            try:
                _control.ask(candidate, spec.token, "ping", timeout=PING_S)
            except (OSError, http.client.HTTPException):
                continue
            except (_control.Unanswered, _control.Refused) as error:
                unanswered = unanswered or _Unanswered(time.monotonic(), error)
            else:
                return candidate
        if unanswered and (spec.listens_as_told or unanswered.is_final(broker)):
            raise _unobserved(spec, broker, unanswered.error)
        time.sleep(POLL_S)
    raise _failed(spec, f"The application did not answer within {spec.target.start_timeout_s:g} s")


@dataclass(frozen=True)
class _Unanswered:
    """Somebody answered who is not the recorder: metrics, or a server that is not observed."""

    since: float
    error: Exception

    def is_final(self, broker: Broker) -> bool:
        broker.pump()
        return not broker.hellos or time.monotonic() - self.since > OTHERS_S


def _raise_if_hopeless(
    spec: Spec, process: subprocess.Popen[bytes], broker: Broker, given_up: threading.Event
) -> None:
    if given_up.is_set():
        raise GivenUp("Another application did not start.")
    if broker.problem:
        raise broker.problem
    if process.poll() is not None:
        raise _exited(spec, process.returncode)
    if spec.listens_as_told and broker.gone >= CRASHES:
        raise _failed(spec, "The application's workers crash again and again")


def _ports(spec: Spec, process: subprocess.Popen[bytes], port: int) -> tuple[int, ...]:
    """Where the application may listen."""
    if spec.listens_as_told:
        return (port,)
    return _process.listening_ports(_process.descendants(process.pid))


def _unobserved(spec: Spec, broker: Broker, error: Exception) -> UnslowError:
    broker.pump()
    if not broker.hellos:
        reason = (
            "its Python did not load the recorder. Remove -I, -E, -S or PYTHONSAFEPATH-like "
            "options from the command, and start it by Python 3.11 or later"
        )
    else:
        reason = (
            "its server is not one that unslow can observe. Start it by gunicorn, uvicorn, "
            "granian, hypercorn, flask run or manage.py runserver"
        )
    return UnslowError(f"{' '.join(spec.target.command)!r} runs ({error}), but {reason}.")


def _exited(spec: Spec, status: int) -> Exception:
    text = spec.log_tail(200)
    if PORT_TAKEN.search(text):
        return PortTaken(text)
    return _failed(spec, f"The application stopped at its start (status {status})")


def _failed(spec: Spec, what: str) -> UnslowError:
    command = " ".join(spec.target.command)
    lines = spec.log_tail() or "  (it printed nothing)"
    return UnslowError(f"{what}. Command: {command}\nIts last lines:\n{lines}")


def _environment(spec: Spec, port: int) -> dict[str, str]:
    temporary = spec.folder / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = {**os.environ, **spec.target.env, **spec.env}
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONSAFEPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__"):
        environment.pop(name, None)
    roots = os.pathsep.join((str(spec.tree.root), str(spec.tree.overlay)))
    environment.update(
        {
            "PYTHONPATH": os.pathsep.join(spec.python_path),
            "PYTHONPYCACHEPREFIX": str(spec.pycache),
            "PYTHONHASHSEED": "0",
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(temporary),
            "XDG_RUNTIME_DIR": str(temporary),  # gunicorn's control socket is not the user's
            "HOST": _commands.HOST,
            "PORT": str(port),
            "UNSLOW_SOCKET": str(spec.socket),
            "UNSLOW_TOKEN": spec.token,
            "UNSLOW_LEVEL": spec.level,
            "UNSLOW_ARM": spec.arm,
            "UNSLOW_ROOTS": roots,
            "UNSLOW_PACKAGES": ",".join(spec.packages),
        }
    )
    if not spec.listens_as_told:
        environment["UNSLOW_PORT"] = str(port)
    _use_environment_of(spec.target.python, environment)
    return environment


def _use_environment_of(python: Path, environment: dict[str, str]) -> None:
    """Put the interpreter's own programs first, as activating its environment does."""
    if (python.parent.parent / "pyvenv.cfg").exists():
        environment["VIRTUAL_ENV"] = str(python.parent.parent)
        environment["PATH"] = os.pathsep.join((str(python.parent), environment.get("PATH", "")))


def _executable(spec: Spec, name: str, environment: Mapping[str, str]) -> str:
    if os.sep in name:
        return str((spec.tree.root / spec.target.folder / name).absolute())
    if name in ("python", "python3"):
        return str(spec.target.python)
    return shutil.which(name, path=environment.get("PATH")) or name


def _in_tree(spec: Spec, command: Sequence[str]) -> tuple[str, ...]:
    """The command with paths below the root replaced by those of the tree, where copied."""
    return tuple(_word_in_tree(spec, word) for word in command)


def _word_in_tree(spec: Spec, word: str) -> str:
    option, equals, path = word.partition("=") if word.startswith("-") else ("", "", word)
    root = spec.target.root
    if os.path.isabs(path) and Path(path).is_relative_to(root):
        copy = spec.tree.root / Path(path).relative_to(root)
        return f"{option}{equals}{copy}" if copy.exists() else word
    relative = Path(spec.target.folder) / path
    if os.sep in path and (root / relative).exists() and not (spec.tree.root / relative).exists():
        # An environment inside the root is not copied: its programs run from where they are.
        return f"{option}{equals}{(root / relative).absolute()}"
    return word
