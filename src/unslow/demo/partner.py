"""Runs the small service that the shops ask for rates and stock."""

import contextlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from unslow.demo._embedded import HOST, free_port, running, temporary_folder

SERVICE = Path(__file__).with_name("_partner_service.py")


@contextlib.contextmanager
def partner() -> Iterator[str]:
    """A partner on a free port; yields its URL. Raises UnslowError when it does not start."""
    port = free_port()
    command = (sys.executable, "-I", "-S", str(SERVICE), str(port))
    with (
        temporary_folder("partner") as folder,
        running("the partner", folder, command, lambda: _answers(port), stop_signal="SIGTERM"),
    ):
        yield f"http://{HOST}:{port}"


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
