"""Runs the application by its own command, on its own terminal, and ends all that it started."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from unslow.errors import UsageError
from unslow.lab.target import Target, _launch, _process

POLITE_S = 5.0  # what a server gets to close its connections after Ctrl-C


@contextlib.contextmanager
def running(target: Target, folder: Path, socket: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The command, observed; leaving ends it and its children. Raises UsageError."""
    environment = _environment(target, folder, socket)
    name, *words = target.command
    program = _program(name, target, environment)
    try:
        process = subprocess.Popen(
            (program, *words), cwd=target.root / target.folder, env=environment
        )
    except OSError as error:
        raise UsageError(
            f"The command {' '.join(target.command)!r} cannot be run: {error.strerror}: {name}. "
            "Give the command that starts your application after --."
        ) from error
    try:
        yield process
    finally:
        _stop(process, socket)


def _stop(process: "subprocess.Popen[bytes]", socket: Path) -> None:
    """A terminal's Ctrl-C has reached the children too; whoever else ends us has reached us."""
    started = _process.descendants(process.pid)
    if process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            process.wait(0.3)
    for pid in started if process.poll() is None else ():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
        process.wait(POLITE_S)
    if process.poll() is None:
        process.kill()
        process.wait()
    _process.kill_marked(str(socket))


def _environment(target: Target, folder: Path, socket: Path) -> dict[str, str]:
    environment = {**os.environ, **target.env}
    injection = _launch.make_injection(folder / "inject")
    before = environment.get("PYTHONPATH", "")
    environment.update(
        {
            "PYTHONPATH": os.pathsep.join(filter(None, (str(injection), before))),
            "UNSLOW_LIVE": "1",
            "UNSLOW_SOCKET": str(socket),
            "UNSLOW_TOKEN": _launch.new_token(),
            "UNSLOW_LEVEL": "full",
            "UNSLOW_ARM": "live",
            "UNSLOW_ROOTS": str(target.root),
            "UNSLOW_PACKAGES": ",".join(target.sources),
        }
    )
    _launch._use_environment_of(target.python, environment)
    return environment


def _program(name: str, target: Target, environment: Mapping[str, str]) -> str:
    if os.sep in name:
        return str((target.root / target.folder / name).absolute())
    if name in ("python", "python3"):
        return str(target.python)
    return shutil.which(name, path=environment.get("PATH")) or name
