"""What a killed run left is removed, what a living one uses is not."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.target.applications import databases
from unslow.demo.postgres import Postgres
from unslow.lab.target import _postgres
from unslow.lab.target._journal import PREFIX, Journal
from unslow.lab.target._postgres import Source


@pytest.fixture
def server(postgres: Postgres) -> Source:
    return _postgres.source_of(
        {"host": postgres.host, "port": postgres.port, "user": postgres.user, "dbname": "x"}, {}
    )


def left_by_a_killed_run(
    folder: Path, postgres: Postgres, server: Source, temporary: Path
) -> Journal:
    journal = Journal(folder)
    name = f"{PREFIX}{journal.key}_1"
    postgres.create(name)
    journal.made_database(server, name)
    temporary.mkdir()
    journal.made_folder(temporary)
    return journal


def die(journal: Journal) -> str:
    journal.close(clean=False)
    return f"{PREFIX}{journal.key}_1"


def test_a_living_run_is_left_alone(tmp_path: Path, postgres: Postgres, server: Source) -> None:
    living = left_by_a_killed_run(tmp_path, postgres, server, tmp_path / "files")
    later = Journal(tmp_path)
    assert later.clean_up_dead_runs() == ()
    later.drop_left_behind(server)
    assert f"{PREFIX}{living.key}_1" in databases(postgres.dsn())
    assert (tmp_path / "files").exists()
    die(living)
    later.clean_up_dead_runs()


def test_another_machines_databases_are_left_alone(
    tmp_path: Path, postgres: Postgres, server: Source
) -> None:
    postgres.create(f"{PREFIX}0123abcd_1")
    Journal(tmp_path).drop_left_behind(server)
    assert f"{PREFIX}0123abcd_1" in databases(postgres.dsn())
    _postgres.drop(server, f"{PREFIX}0123abcd_1")


def test_what_a_killed_run_left_is_removed(
    tmp_path: Path, postgres: Postgres, server: Source
) -> None:
    dead = left_by_a_killed_run(tmp_path, postgres, server, tmp_path / "files")
    name = die(dead)
    assert Journal(tmp_path).clean_up_dead_runs() == ()
    assert name not in databases(postgres.dsn())
    assert not (tmp_path / "files").exists()
    assert not dead.path.exists()


def test_a_database_behind_a_password_is_dropped_when_the_application_brings_it(
    tmp_path: Path, postgres: Postgres, server: Source
) -> None:
    # A role that does not exist is refused as a missing password is.
    stranger = replace(server, reach=(*server.reach, ("user", "stranger")))
    dead = left_by_a_killed_run(tmp_path, postgres, stranger, tmp_path / "files")
    name = die(dead)
    later = Journal(tmp_path)
    assert later.clean_up_dead_runs() == (name,)
    assert name in databases(postgres.dsn())
    later.drop_left_behind(server)
    assert name not in databases(postgres.dsn())
    assert not dead.path.exists()


def test_passwords_are_not_written(tmp_path: Path, server: Source) -> None:
    journal = Journal(tmp_path)
    journal.made_database(replace(server, reach=(*server.reach, ("password", "s3cret"))), "x")
    text = journal.path.read_text()
    assert "127.0.0.1" in text
    assert "s3cret" not in text


def test_a_line_that_was_cut_off_does_not_matter(tmp_path: Path) -> None:
    dead = Journal(tmp_path)
    dead.path.write_text('{"folder": "/nonexistent"}\n{"datab')
    dead.close(clean=False)
    assert Journal(tmp_path).clean_up_dead_runs() == ()
    assert not dead.path.exists()


def test_a_server_that_is_gone_is_not_worth_a_word(tmp_path: Path, server: Source) -> None:
    dead = Journal(tmp_path)
    dead.made_database(replace(server, reach=(("host", "127.0.0.1"), ("port", "1"))), "x")
    dead.close(clean=False)
    assert Journal(tmp_path).clean_up_dead_runs() == ()
    assert dead.path.exists()
