"""What two equal runs leave behind, and what of a patched one's end state counts as different."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from unslow.lab.prove import state
from unslow.lab.target import _sqlite

DIGEST = "w8Zf3kQm1s0dT-2xYbA9uEHrJcV4LpGnO7iK5_tRqMa"  # 43 characters, as of SHA-256
SESSIONS = "CREATE TABLE sessions (id INTEGER PRIMARY KEY, data TEXT, note TEXT, expires TEXT)"


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., SimpleNamespace]:
    def run(arm: str, data: str, note: str, expires: str) -> SimpleNamespace:
        path = tmp_path / f"{arm}.sqlite3"
        with sqlite3.connect(path) as connection:
            connection.execute(SESSIONS)
            connection.execute("INSERT INTO sessions VALUES (1, ?, ?, ?)", (data, note, expires))
        connection.close()
        database = SimpleNamespace(engine="sqlite", dsn=str(path), source="app.sqlite3", name="app")
        return SimpleNamespace(
            databases=[database],
            end_state=lambda: {
                f"app.sqlite3.{table}": found for table, found in _sqlite.table_hashes(path).items()
            },
        )

    return run


def session(time: str) -> str:
    return f"eyJ1c2VyIjoxfQ:{time}:{DIGEST}"


def test_a_value_signed_with_its_time_is_noise_though_two_runs_met_in_one_second(run) -> None:
    one, again = (run(arm, session("1vMxyz"), "a", arm) for arm in ("A", "B"))
    learned = state.learn(one, again)
    assert "end state: app.sqlite3.sessions.data" in learned.masked
    assert list(state.differences(learned, run("C", session("1vMxz0"), "a", "C"))) == []


def test_another_column_of_such_a_table_still_counts(run) -> None:
    one, again = (run(arm, session("1vMxyz"), "a", arm) for arm in ("A", "B"))
    (found,) = state.differences(state.learn(one, again), run("C", session("1vMxz0"), "b", "C"))
    assert found.sentence == "app.sqlite3.sessions.note differs at the end"


def test_a_plain_value_of_a_noisy_table_still_counts(run) -> None:
    one, again = (run(arm, "draft", "a", arm) for arm in ("A", "B"))
    (found,) = state.differences(state.learn(one, again), run("C", "sent", "a", "C"))
    assert found.sentence == "app.sqlite3.sessions.data differs at the end"
