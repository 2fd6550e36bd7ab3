"""A collector that speaks the wire protocol, and applications launched under observation."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import unslow

PACKAGE = Path(unslow.__file__).parent
TOKEN = "the-token"
START_TIMEOUT_S = 30.0
PYTHON = os.environ.get("UNSLOW_TEST_PYTHON", sys.executable)  # another one has other versions
Message = dict[str, Any]
Answer = Callable[[Message], Message]


class Collector:
    """Receives the recorder's events and answers its questions."""

    def __init__(self, path: str, answer: Answer) -> None:
        self.path = path
        self.events: list[Message] = []
        self.questions: list[Message] = []
        self._answer = answer
        self._changed = threading.Condition()
        self._peers: list[socket.socket] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(path)
        self._server.listen(100)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def drop(self) -> None:
        """Hang up on everyone."""
        for peer in self._peers:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)

    def of(self, kind: str) -> list[Message]:
        with self._changed:
            return [event for event in self.events if event["type"] == kind]

    def wait(
        self, kind: str, count: int = 1, timeout: float = 10.0, **fields: Any
    ) -> list[Message]:
        """The events of a kind with these fields, once there are `count` of them."""

        def matching() -> list[Message]:
            return [
                event
                for event in self.events
                if event["type"] == kind and fields.items() <= event.items()
            ]

        with self._changed:
            assert self._changed.wait_for(lambda: len(matching()) >= count, timeout), self.events
            return matching()

    def request(self, identifier: str) -> Message:
        return self.wait("request", id=identifier)[0]

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._server.accept()
            except OSError:
                return
            self._peers.append(peer)
            threading.Thread(target=self._read, args=(peer,), daemon=True).start()

    def _read(self, peer: socket.socket) -> None:
        with peer, peer.makefile("rb") as lines:
            for line in lines:
                message = json.loads(line)
                if message["type"] == "connect":
                    self.questions.append(message)
                    peer.sendall(json.dumps(self._answer(message)).encode() + b"\n")
                    continue
                with self._changed:
                    self.events.append(message)
                    self._changed.notify_all()


@dataclass
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Running:
    """An application under observation."""

    port: int
    collector: Collector
    process: subprocess.Popen[bytes]
    log: Path
    count: int = field(default=0)

    def get(self, path: str, **headers: str) -> Response:
        return self.send("GET", path, headers=headers)

    def send(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Response(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def observe(self, path: str, method: str = "GET", body: bytes | None = None) -> Message:
        """Send a request and return what the recorder said of it."""
        self.count += 1
        identifier = f"r{self.count}"
        self.send(method, path, body=body, headers={"X-Unslow-Request": identifier})
        return self.collector.request(identifier)

    def control(self, verb: str) -> Any:
        return self.send("GET", f"/__unslow__/{verb}", headers={"X-Unslow-Control": TOKEN}).json()


def no_answer(question: Message) -> Message:
    return {"error": f"nothing to connect to for {question}"}


@contextmanager
def collecting(answer: Answer = no_answer) -> Iterator[Collector]:
    folder = tempfile.mkdtemp(prefix="unslow-")
    collector = Collector(f"{folder}/socket", answer)
    try:
        yield collector
    finally:
        collector.close()
        shutil.rmtree(folder)


def environment(collector: Collector, root: Path, level: str = "full") -> dict[str, str]:
    """The variables that put a process under observation."""
    inject = root.parent / "inject"
    if not inject.exists():
        inject.mkdir()
        (inject / "unslow").symlink_to(PACKAGE)
        shutil.copy(PACKAGE / "observe/_inject/sitecustomize.py", inject)
    return {
        **os.environ,
        "PYTHONPATH": str(inject),
        "UNSLOW_SOCKET": collector.path,
        "UNSLOW_TOKEN": TOKEN,
        "UNSLOW_LEVEL": level,
        "UNSLOW_ARM": "a",
        "UNSLOW_ROOTS": str(root),
        "UNSLOW_PACKAGES": "",
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    root: Path,
    command: Sequence[str],
    *,
    answer: Answer = no_answer,
    level: str = "full",
    environ: Mapping[str, str] | None = None,
    python: str = PYTHON,
) -> Iterator[Running]:
    """Start `python -m command` in `root`, observed; `{port}` in it is a free port."""
    port = free_port()
    log = root.parent / "server.log"
    with collecting(answer) as collector, log.open("wb") as output:
        process = subprocess.Popen(
            [python, *(part.format(port=port) for part in command)],
            cwd=root,
            env={**environment(collector, root, level), **(environ or {})},
            stdout=output,
            stderr=output,
        )
        try:
            _wait_for(port, process, log)
            yield Running(port, collector, process, log)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    pause = threading.Event()
    for _ in range(int(START_TIMEOUT_S / 0.05)):
        assert process.poll() is None, log.read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        pause.wait(0.05)
    raise AssertionError(f"no answer on port {port}: {log.read_text()}")


@dataclass
class Launcher:
    """Writes small applications and runs them."""

    folder: Path

    @property
    def root(self) -> Path:
        (self.folder / "app").mkdir(exist_ok=True)
        return self.folder / "app"

    def write(self, **sources: str) -> "Launcher":
        for name, text in sources.items():
            (self.root / f"{name}.py").write_text(text)
        return self

    def run(self, *command: str, **options: Any) -> Any:
        return running(self.root, command, **options)


@pytest.fixture
def app(tmp_path: Path) -> Launcher:
    return Launcher(tmp_path)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture
def observed_environment(app: Launcher, collector: Collector) -> dict[str, str]:
    return environment(collector, app.root)
