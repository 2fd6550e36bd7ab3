"""SQLite files grow by the same rules, as far as SQLite has them."""

import sqlite3
from contextlib import closing

import pytest

from unslow.lab.growth.amplify import amplify
from unslow.lab.target import Database

SCHEMA = """
CREATE TABLE author (id integer PRIMARY KEY AUTOINCREMENT, name varchar(20) NOT NULL UNIQUE,
  token char(32) NOT NULL UNIQUE, key varchar(36) UNIQUE, phone varchar(8) UNIQUE,
  lowered text GENERATED ALWAYS AS (lower(name)) VIRTUAL, mentor_id bigint REFERENCES author (id));
CREATE UNIQUE INDEX lowered ON author (lower(name));
CREATE TABLE book (id integer PRIMARY KEY, author_id bigint NOT NULL REFERENCES author,
  title text, pages int CHECK (pages > 0));
CREATE TABLE label (code char(2) PRIMARY KEY);
CREATE TABLE book_label (book_id int REFERENCES book, code char(2) REFERENCES label,
  PRIMARY KEY (book_id, code)) WITHOUT ROWID;
CREATE TRIGGER forbid BEFORE INSERT ON book BEGIN SELECT RAISE(ABORT, 'a trigger has run'); END;
"""


@pytest.fixture
def library(tmp_path):
    path = tmp_path / "library.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA.replace("CREATE TRIGGER", "-- CREATE TRIGGER"))
        for n in range(1, 4):
            connection.execute(
                "INSERT INTO author (name, token, key, phone, mentor_id) VALUES (?, ?, ?, ?, ?)",
                [f"A{n}", f"{n:032x}", f"{n:08x}-0000-0000-0000-{n:012x}", f"0{n}9", 1],
            )
            connection.execute("INSERT INTO book VALUES (?, ?, 't', 9)", [n, n])
        connection.execute("INSERT INTO label VALUES ('de')")
        connection.execute("INSERT INTO book_label VALUES (1, 'de')")
        connection.executescript(SCHEMA[SCHEMA.index("CREATE TRIGGER") :])
    return path


def test_every_table_grows_and_the_file_stays_whole(library) -> None:
    database = Database("sqlite", str(library), "library")
    grown = amplify(database, 4, 1).tables + amplify(database, 4, 4).tables
    counts = {one.table: one.after for one in grown}
    assert counts == {"author": 48, "book": 48, "label": 1, "book_label": 16}
    assert {one.table for one in grown if one.why} == {"label"}
    with closing(sqlite3.connect(library)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT count(DISTINCT author_id) FROM book").fetchone()[0] > 9
        assert connection.execute("SELECT max(length(token)) FROM author").fetchone() == (32,)
        assert len(
            connection.execute("SELECT 1 FROM sqlite_master WHERE type='trigger'").fetchall()
        )
