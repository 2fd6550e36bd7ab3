"""One launch of the application: ask it, measure it, stop it."""

import http.client
import subprocess
import time
from collections.abc import Collection
from pathlib import Path
from typing import Protocol

import msgspec

from unslow.errors import UnslowError, UsageError
from unslow.lab.target import _control, _postgres_rows, _process, _sqlite
from unslow.lab.target._broker import Broker
from unslow.lab.target._clones import Clones
from unslow.lab.target._cpu import Meter
from unslow.lab.target._launch import Spec
from unslow.lab.target._sites import Relative
from unslow.lab.target._types import Cpu, Database, Description
from unslow.lab.target._wire import Effect
from unslow.model import Request

DESCRIBE_S = 120.0  # a worker may import the application, or wait for its clone, first


class _Login(msgspec.Struct):
    headers: dict[str, str]


class _Users(msgspec.Struct):
    users: dict[str, str]


class Owner(Protocol):
    """What a launch tells the lab."""

    def learn(self, packages: dict[str, str], relative: Relative) -> None: ...
    def stopped(self, running: "Running") -> None: ...


class Running:
    """An application that answers at `base_url` (`http://127.0.0.1:PORT`), recorded as `arm`."""

    def __init__(
        self,
        *,
        spec: Spec,
        port: int,
        process: subprocess.Popen[bytes],
        broker: Broker,
        clones: Clones,
        relative: Relative,
        lab: "Owner",
    ) -> None:
        self.arm = spec.arm
        self.port = port
        self.base_url = f"http://127.0.0.1:{port}"
        self._spec = spec
        self._process = process
        self._broker = broker
        self._clones = clones
        self._relative = relative
        self._lab = lab
        self._meter = Meter(process.pid, broker, clones)
        self._stopped = False

    @property
    def databases(self) -> tuple[Database, ...]:
        """The clones of this launch, in order of first use."""
        return self._clones.databases

    @property
    def blocked(self) -> tuple[str, ...]:
        """What the sandbox refused, each once: "smtp.example.org:25 (smtp)"."""
        self._broker.pump()
        return tuple(self._broker.blocked)

    def effects(self) -> tuple[Effect, ...]:
        """What requests have sent elsewhere since the last call, in the order of arrival."""
        self._broker.pump()
        taken, self._broker.effects = tuple(self._broker.effects), []
        return taken

    @property
    def errors(self) -> tuple[str, ...]:
        """Errors inside the recorder; the application did not see them."""
        self._broker.pump()
        return tuple(self._broker.errors)

    def pids(self) -> tuple[int, ...]:
        """The live processes of the application."""
        return _process.descendants(self._process.pid)

    def alive(self) -> bool:
        return self._process.poll() is None

    def raise_problem(self) -> None:
        """Raises UnslowError when the application has died or could not be given its database."""
        if self._broker.problem:
            raise self._broker.problem
        if not self.alive() and not self._stopped:
            raise UnslowError(
                f"The application stopped by itself (status {self._process.returncode}). "
                f"Its last lines:\n{self.log_tail()}"
            )

    def describe(self) -> Description:
        """Routes, models, framework, as the application itself knows them."""
        answer = self._ask("describe")
        try:
            found = msgspec.json.decode(answer, type=Description)
        except msgspec.DecodeError as error:
            raise UnslowError(f"The recorder's description is not understood: {error}") from error
        self._lab.learn(found.packages, self._relative)
        return msgspec.structs.replace(
            found,
            routes=tuple(map(self._relative.route, found.routes)),
            models=tuple(map(self._relative.model, found.models)),
            imports=tuple(map(self._relative.imported, found.imports)),
        )

    def login(self, user: str) -> dict[str, str]:
        """Headers of a session for `user`, made on the clone. UsageError when refused."""
        try:
            answer = self._ask("login", {"user": user})
        except _control.Refused as refusal:
            raise UsageError(f"Login as {user!r} was refused: {refusal}") from refusal
        return msgspec.json.decode(answer, type=_Login).headers

    def users(self) -> dict[str, str]:
        """Names of users by what they may do ("a superuser"); {} where the recorder knows none."""
        try:
            return msgspec.json.decode(self._ask("users"), type=_Users).users
        except _control.Refused:
            return {}

    def drain(self, ids: Collection[str], timeout: float = 10.0) -> list[Request]:
        """The recorded requests with these ids, in the order in which they ended.

        Waits up to `timeout` seconds; what has not arrived by then is left out.
        """
        return self._broker.wait_for(ids, timeout)

    def cpu(self) -> Cpu:
        """Cumulative CPU since the launch; cheap enough to call around every request."""
        return self._meter.read()

    def end_state(self) -> dict[str, str]:
        """A hash of all rows per table (`database.schema.table`), whatever their order."""
        state = {}
        for database in self.databases:
            if database.engine == "postgresql":
                hashes = _postgres_rows.table_hashes(database.dsn)
            else:
                hashes = _sqlite.table_hashes(Path(database.dsn))
            label = Path(database.source).name
            state.update({f"{label}.{table}": value for table, value in hashes.items()})
        return state

    def log_tail(self, lines: int = 20) -> str:
        """The last lines that the application printed."""
        return self._spec.log_tail(lines)

    def stop(self) -> None:
        """Stops the processes and drops the clones of this launch. Harmless when repeated."""
        if self._stopped:
            return
        self._stopped = True
        _process.stop(self._process, str(self._broker.path))
        self._broker.close()
        self._clones.drop()
        self._lab.stopped(self)

    def _ask(self, verb: str, body: dict[str, str] | None = None) -> bytes:
        deadline = time.monotonic() + DESCRIBE_S
        while True:
            try:
                return _control.ask(self.port, self._spec.token, verb, body, timeout=DESCRIBE_S)
            except _control.Unanswered as error:
                raise UnslowError(
                    f"The application answered {verb!r} itself ({error}): its server is not one "
                    "that unslow can observe. Start it by gunicorn, uvicorn, granian, hypercorn, "
                    "flask run or manage.py runserver."
                ) from error
            except (OSError, http.client.HTTPException) as error:
                # A worker that was busy with its first connection may have been replaced.
                self.raise_problem()
                if self._clones.busy:
                    deadline = time.monotonic() + DESCRIBE_S
                if time.monotonic() > deadline:
                    raise UnslowError(
                        f"The application did not answer: {error}. Its last lines:\n"
                        f"{self.log_tail()}"
                    ) from error
                time.sleep(0.05)
