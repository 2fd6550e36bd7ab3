"""Small applications behind real servers, started as their users start them."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.kit.profile.exchange import SECRET
from tests.observe.conftest import Response, _wait_for, free_port
from unslow.cli import main


@dataclass
class Server:
    """A server with the application behind it."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def send(self, path: str, method: str = "GET", **headers: str) -> Response:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return Response(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def text(self, path: str) -> str:
        return self.send(path).body.decode()


class Folder:
    """Writes an application and serves it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def serve(
        self, source: str, command: Sequence[str], environ: Mapping[str, str] | None = None
    ) -> Iterator[Server]:
        (self.folder / "served.py").write_text(source)
        port, log = free_port(), self.folder / "server.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, *(part.format(port=port) for part in command)],
                cwd=self.folder,
                env={**os.environ, "UNSLOW_SECRET": SECRET, **(environ or {})},
                stdout=output,
                stderr=output,
            )
        try:
            _wait_for(port, process, log)
            yield Server(port, process, log)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Folder:
    return Folder(tmp_path_factory.mktemp("served"))


class Ran(NamedTuple):
    """What one command left: its exit code and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def unslow(capsys):
    """Runs a command line in this process."""

    def run(*words: str) -> Ran:
        with pytest.raises(SystemExit) as left:
            main(words)
        printed = capsys.readouterr()
        return Ran(int(left.value.code or 0), printed.out, printed.err)

    return run
