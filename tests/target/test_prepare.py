"""A version's own commands run on a clone once; every launch starts from what they left."""

import sys
from pathlib import Path

import psycopg
import pytest

from tests.target.applications import databases, get, wsgi
from unslow.errors import UnslowError
from unslow.lab.target import Lab, Start
from unslow.model import Patch
from unslow.progress import Silent

DELETE = """
import os, pathlib, psycopg
with psycopg.connect({dsn!r}) as connection:
    connection.execute("DELETE FROM item WHERE id > 10")
with open({log!r}, "a") as log:
    log.write("ran")
"""


def preparing(tmp_path: Path, source: str) -> tuple[Patch, Path]:
    log = tmp_path / "log"
    script = tmp_path / "delete.py"
    script.write_text(DELETE.format(dsn=source, log=str(log)))
    words = (sys.executable, str(script))
    return Patch("version", "fewer items", "review", prepare=(words,)), log


def test_a_tree_without_commands_sees_the_data_as_it_is(tmp_path: Path, source: str) -> None:
    with Lab(wsgi(tmp_path, source), Silent()) as lab:
        assert get(lab.launch(lab.tree(), "A"), "/add") == b"101"


def test_every_launch_starts_from_what_one_run_left(tmp_path: Path, source: str) -> None:
    (tmp_path / "app").mkdir()
    patch, log = preparing(tmp_path, source)
    there = databases(source)
    with Lab(wsgi(tmp_path / "app", source), Silent()) as lab:
        tree = lab.tree([patch])
        runs = lab.launch_all([Start(tree, "A"), Start(tree, "B")])
        assert [get(running, "/add") for running in runs] == [b"11", b"11"]
    assert log.read_text() == "ran"
    assert databases(source) == there
    with psycopg.connect(source) as connection:
        assert connection.execute("SELECT count(*) FROM item").fetchone() == (100,)


def test_a_command_that_fails_is_named_with_its_last_lines(tmp_path: Path, source: str) -> None:
    words = (sys.executable, "-c", "raise SystemExit('no such table')")
    patch = Patch("version", "broken", "review", prepare=(words,))
    with (
        Lab(wsgi(tmp_path, source), Silent()) as lab,
        pytest.raises(UnslowError, match=r"(?s)failed \(status 1\).*no such table"),
    ):
        lab.launch(lab.tree([patch]), "A")
