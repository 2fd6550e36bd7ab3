"""One launch of the application: ask it, measure it, stop it."""

from collections.abc import Collection

from unslow.lab.target._types import Cpu, Database, Description
from unslow.model import Request


class Running:
    """An application that answers at `base_url` (`http://127.0.0.1:PORT`), recorded as `arm`."""

    base_url: str
    arm: str

    @property
    def databases(self) -> tuple[Database, ...]:
        """The clones that this launch has connected to so far, in order of first use."""
        raise NotImplementedError

    @property
    def blocked(self) -> tuple[str, ...]:
        """What the sandbox refused, each once: "smtp.example.org:25 (smtp)"."""
        raise NotImplementedError

    @property
    def errors(self) -> tuple[str, ...]:
        """Errors inside the recorder; the application did not see them."""
        raise NotImplementedError

    def pids(self) -> tuple[int, ...]:
        """The live processes of the application."""
        raise NotImplementedError

    def describe(self) -> Description:
        """Routes, models, framework, as the application itself knows them."""
        raise NotImplementedError

    def login(self, user: str) -> dict[str, str]:
        """Headers of a session for `user`, made on the clone. UsageError when refused."""
        raise NotImplementedError

    def drain(self, ids: Collection[str], timeout: float = 10.0) -> list[Request]:
        """The recorded requests with these ids, in the order in which they ended.

        Waits up to `timeout` seconds; what has not arrived by then is left out.
        """
        raise NotImplementedError

    def cpu(self) -> Cpu:
        """Cumulative CPU since the launch; cheap enough to call around every request."""
        raise NotImplementedError

    def end_state(self) -> dict[str, str]:
        """A hash of all rows per table (`database.schema.table`), whatever their order."""
        raise NotImplementedError

    def log_tail(self, lines: int = 20) -> str:
        """The last lines that the application printed."""
        raise NotImplementedError

    def stop(self) -> None:
        """Stops the processes and drops the clones of this launch. Harmless when repeated."""
        raise NotImplementedError
