"""Shows where long work is, on standard error: a live line in a terminal, plain lines in a pipe."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from unslow.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

LINE_EVERY_S = 10.0  # often enough to see life in a CI log, seldom enough to read it


@contextmanager
def shown() -> Iterator[Progress]:
    """The progress of one command, drawn for what standard error is."""
    if not sys.stderr.isatty():
        yield Lines(_print, time.monotonic)
        return
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn
    from rich.progress import Progress as Bars
    from rich.table import Column

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
        BarColumn(bar_width=16),
        TextColumn(
            "{task.fields[detail]}",
            markup=False,
            style="dim",
            table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
        ),
        TextColumn("{task.fields[left]}", markup=False, table_column=Column(justify="right")),
    )
    console = Console(stderr=True, highlight=False)
    with Bars(*columns, console=console, transient=True, expand=True) as bars:
        yield Live(bars)


class Live:
    """One line that moves, with the notes above it."""

    def __init__(self, bars: "Bars") -> None:
        self._bars = bars
        self._task = bars.add_task("start", total=None, detail="", left="")

    def stage(self, name: str, total: int | None = None) -> None:
        self._bars.remove_task(self._task)
        self._task = self._bars.add_task(name, total=total, detail="", left="")

    def step(self, detail: str, advance: int = 1, seconds_left: float | None = None) -> None:
        left = "" if seconds_left is None else f"{_clock(seconds_left)} left"
        self._bars.update(self._task, advance=advance, detail=detail, left=left)

    def note(self, message: str) -> None:
        self._bars.console.print(message, markup=False)


class Lines:
    """A line for each stage and note, and for a step now and then."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._write = write
        self._clock = clock
        self._name = ""
        self._total: int | None = None
        self._done = 0
        self._written_at = 0.0

    def stage(self, name: str, total: int | None = None) -> None:
        self._name, self._total, self._done = name, total, 0
        self._say(name)

    def step(self, detail: str, advance: int = 1, seconds_left: float | None = None) -> None:
        self._done += advance
        if self._clock() - self._written_at < LINE_EVERY_S:
            return
        count = f" {self._done}/{self._total}" if self._total else ""
        left = "" if seconds_left is None else f", {_clock(seconds_left)} left"
        self._say(f"{self._name}{count}: {detail}{left}")

    def note(self, message: str) -> None:
        self._say(message)

    def _say(self, line: str) -> None:
        self._written_at = self._clock()
        self._write(line)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes}:{rest:02}"


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
