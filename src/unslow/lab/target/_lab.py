"""The lab: private copies of an application, running side by side on clones of its data."""

from collections.abc import Sequence
from types import TracebackType

from unslow.lab.progress import Progress
from unslow.lab.target._running import Running
from unslow.lab.target._types import Description, Level, Target, Tree
from unslow.model import Patch


class Lab:
    """Owns the temporary folder, the clones and the processes; leaving it removes all of them.

    Use as a context manager in the main thread. The original sources and databases are only read.
    """

    def __init__(self, target: Target, progress: Progress) -> None:
        self.target = target
        self.progress = progress

    def __enter__(self) -> "Lab":
        raise NotImplementedError

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        raise NotImplementedError

    @property
    def roots(self) -> tuple[str, ...]:
        """The original source roots that site paths are relative to: the root, then the folders
        that hold the source packages."""
        raise NotImplementedError

    def read(self, path: str) -> bytes:
        """The original bytes of the file that a site's `path` names. FileNotFoundError if none."""
        raise NotImplementedError

    def tree(self, patches: Sequence[Patch] = ()) -> Tree:
        """A copy of the sources with `patches` applied; equal patches share one tree.

        Raises `unslow.lab.patching.Conflict` when the patches overlap.
        """
        raise NotImplementedError

    def launch(
        self, tree: Tree, arm: str, *, record: Level = "off", sql: Sequence[str] = ()
    ) -> Running:
        """Starts the application from `tree` on fresh clones and waits until it answers.

        `sql` runs on the clone first (indexes). Raises UnslowError with the last lines that the
        application printed when it exits or does not answer in time.
        """
        raise NotImplementedError

    def check(self, running: Running, description: Description) -> None:
        """Raises UnslowError when the database has no tables of the application, or no rows."""
        raise NotImplementedError
