from io import StringIO

from rich.console import Console
from rich.progress import Progress, TextColumn

from unslow.cli._progress import LINE_EVERY_S, Lines, Live


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def lines() -> tuple[Lines, Clock, list[str]]:
    clock, written = Clock(), []
    return Lines(written.append, clock), clock, written


def test_a_pipe_is_not_flooded_with_steps() -> None:
    progress, _, written = lines()
    progress.stage("observe", 100)
    for _ in range(100):
        progress.step("GET /")
    assert written == ["observe"]


def test_a_pipe_sees_life_now_and_then() -> None:
    progress, clock, written = lines()
    progress.stage("prove", 12)
    progress.step("GET /a")
    clock.now += LINE_EVERY_S
    progress.step("GET /b", seconds_left=95)
    assert written == ["prove", "prove 2/12: GET /b, 1:35 left"]


def test_notes_always_stay() -> None:
    progress, _, written = lines()
    progress.note("mail was blocked")
    assert written == ["mail was blocked"]


def test_a_terminal_shows_stage_detail_and_time_left() -> None:
    console = Console(file=StringIO(), width=80, force_terminal=True)
    column = TextColumn("{task.description}|{task.fields[detail]}|{task.fields[left]}")
    with Progress(column, console=console, auto_refresh=False) as bars:
        live = Live(bars)
        live.stage("prove", 3)
        live.step("GET api/<b>[x]", seconds_left=61)
        assert len(bars.tasks) == 1
        task = bars.tasks[0]
        assert (task.completed, task.total) == (1, 3)
        assert task.fields == {"detail": "GET api/<b>[x]", "left": "1:01 left"}
