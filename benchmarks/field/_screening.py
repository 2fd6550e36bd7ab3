"""Which eager loads matter: what each call of the traffic answers, and how often it asks."""

import contextlib
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from benchmarks.field._application import Ready
from unslow.demo._embedded import free_port
from unslow.lab.workload import Call, Client
from unslow.lab.workload.replay import read

START_S = 300.0
STATEMENT = re.compile(rb"LOG:  (?:statement|execute [^:]*): +(\w+)")
DRAWN = re.compile(
    rb"""csrfmiddlewaretoken["'] value=["']\w+|(?:csrf|nonce)[\w-]*["']?[=:] ?["'][\w+/=-]+"""
    rb"""|127\.0\.0\.1(?::|%3A)\d+"""  # each start of the application has a port of its own
)
APART = {b"BEGIN", b"COMMIT", b"ROLLBACK", b"SET", b"SAVEPOINT", b"RELEASE", b"SHOW"}


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    statements: int
    reached: frozenset[int] = field(default_factory=frozenset)
    log: bytes = b""  # of the database server

    def agrees(self, other: "Answer") -> bool:
        return (self.status, _stable(self.body)) == (other.status, _stable(other.body))


@dataclass(frozen=True)
class Switches:
    """The two files by which an instrumented application is steered."""

    off: Path
    reached: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"FIELD_OFF": str(self.off), "FIELD_REACHED": str(self.reached)}

    def turn_off(self, number: int) -> None:
        self.off.write_text(str(number))

    def ran(self) -> frozenset[int]:
        """Which were reached since the last time."""
        numbers = frozenset(map(int, self.reached.read_text().split()))
        os.truncate(self.reached, 0)
        return numbers


def switches(folder: Path) -> Switches:
    made = Switches(folder / "off", folder / "reached")
    made.off.write_text("0")
    made.reached.write_text("")
    return made


@dataclass(frozen=True)
class Server:
    client: Client
    ready: Ready
    steered: Switches | None

    def ask(self, call: Call) -> Answer:
        """Send the request twice and count in the second: caches are warm."""
        self.client.send(call)
        if self.steered:
            self.steered.ran()
        offset = self.ready.log.stat().st_size
        response = self.client.send(call)
        reached = self.steered.ran() if self.steered else frozenset()
        with self.ready.log.open("rb") as file:
            file.seek(offset)
            log = file.read()
        count = sum(word.upper() not in APART for word in STATEMENT.findall(log))
        return Answer(response.status, response.body, count, reached, log)


@contextlib.contextmanager
def served(ready: Ready, sources: Path, steered: Switches | None = None) -> Iterator[Server]:
    """The application with `sources` first on its path, and every statement logged."""
    log_statements(ready.dsn, "all")
    port = free_port()
    path = os.pathsep.join(filter(None, (str(sources), ready.environment.get("PYTHONPATH", ""))))
    environment = {**ready.environment, "PYTHONPATH": path}
    environment |= steered.environment if steered else {}
    command = (*ready.command, *_bound(ready.command, port))
    with (sources / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=ready.folder, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        client = Client(f"http://127.0.0.1:{port}")
        _wait(client, calls(ready)[0].path, process, sources / "server.log")
        yield Server(client, ready, steered)
        client.close()
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log_statements(ready.dsn, "none")


def _bound(command: Sequence[str], port: int) -> tuple[str, ...]:
    if Path(command[0]).name == "gunicorn":
        return "--bind", f"127.0.0.1:{port}"
    return "--port", str(port)


def _wait(client: Client, path: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            client.send(Call("GET", path, path))
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"the application does not start:\n{log.read_text()[-2000:]}")


def log_statements(dsn: str, which: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET log_statement = {}").format(name, sql.Literal(which))
        )


def calls(ready: Ready) -> tuple[Call, ...]:
    """The calls of the recording, and of the pages where there are any, with the login."""
    name, _, value = ready.header.partition(": ")
    files = filter(None, (ready.traffic, ready.pages))
    return tuple(
        Call("GET", call.path, "", {**call.headers, name: value})
        for file in files
        for call in read(file)
    )


def line(call: Call) -> str:
    """The call as a line of a recording."""
    return json.dumps({"path": call.path, "headers": call.headers}) + "\n"


def _stable(body: bytes) -> bytes:
    """The page without what it draws anew for each request."""
    return DRAWN.sub(b"", body)
