"""An application whose tables hold three rows shows what it costs when they hold more."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.target.applications import get, wsgi
from unslow.lab.diagnose import diagnose
from unslow.lab.growth.observing import observe_growing
from unslow.lab.target import Description, Lab
from unslow.lab.workload import Call, Workload
from unslow.model import GrownData, Trace
from unslow.model.growth import EndpointGrowth
from unslow.progress import Silent

PROGRAM = """
import os
import psycopg

connection = psycopg.connect(os.environ["DSN"], autocommit=True)

def books():
    found = []
    for title, author_id in ask("SELECT title, author_id FROM book ORDER BY id"):
        found += ask("SELECT name FROM author WHERE id = %s", [author_id])
    return found

def pairs():
    return ask("SELECT a.id FROM book a JOIN book b ON a.pages >= b.pages ORDER BY 1 LIMIT 5")

def page():
    return ask("SELECT b.title, a.name FROM book b JOIN author a ON a.id = b.author_id LIMIT 2")

def total():
    return ask("SELECT sum(pages) FROM book")

def ask(statement, parameters=None):
    return connection.execute(statement, parameters).fetchall()

def application(environ, start_response):
    body = repr(globals()[environ["PATH_INFO"].strip("/")]()).encode()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]
"""
SCHEMA = """
CREATE TABLE author (id serial PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE book (id serial PRIMARY KEY, author_id int NOT NULL REFERENCES author,
  title text NOT NULL, pages int NOT NULL);
CREATE TABLE kind (code char(1) PRIMARY KEY);
INSERT INTO author (name) VALUES ('A'), ('B'), ('C');
INSERT INTO book (author_id, title, pages) VALUES (1, 'T', 10), (2, 'U', 20), (3, 'V', 30);
INSERT INTO kind VALUES ('x'), ('y'), ('z');
"""
PAGES = ("books", "pairs", "page", "total")
Seen = tuple[Trace, GrownData]


@pytest.fixture(scope="module")
def seen(postgres, tmp_path_factory) -> Iterator[Seen]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        dsn = postgres.create("growing_library")
        with psycopg.connect(dsn) as connection:
            connection.execute(SCHEMA)
        calls = tuple(Call("GET", f"/{page}", f"GET {page}") for page in PAGES)
        target = wsgi(tmp_path_factory.mktemp("library"), dsn, PROGRAM)
        with Lab(target, Silent()) as lab:
            app = lab.launch(lab.tree(), "discover", record="light")
            get(app, "/page")
            app.stop()
            workload = Workload(calls)
            yield observe_growing(lab, workload, Description(), "", (1, 4, 16), Silent())


@pytest.fixture
def of(seen: Seen):
    def growth(page: str) -> EndpointGrowth:
        return next(one for one in seen[0].growth if one.endpoint == f"GET {page}")

    return growth


def test_a_query_per_row_is_linear_and_found(seen: Seen, of) -> None:
    books = of("books").growth
    assert (books.queries, books.values["queries"]) == ("linear", (4, 13, 49))
    assert (books.fits["queries"].at_10, books.fits["queries"].at_100) == (31, 301)
    [found] = [one for one in diagnose(seen[0]) if one.id == "repeated-query"]
    assert found.title.startswith("GET books runs 48 queries of one shape (app.py:")


def test_a_page_stays_as_it_is(of) -> None:
    page = of("page").growth
    assert (page.queries, page.rows_returned, page.bytes) == ("constant",) * 3


def test_what_reads_more_than_it_returns_is_told_apart(of) -> None:
    total, pairs = of("total").growth, of("pairs").growth
    assert (total.rows_read, total.rows_returned) == ("linear", "constant")
    assert total.values["rows_read"] == (3, 12, 48)
    assert pairs.rows_returned == "constant"


def test_the_data_are_told(seen: Seen) -> None:
    _, grown = seen
    assert (grown.sizes, grown.rows) == ((1, 4, 16), (9, 27, 99))
    [kind] = grown.ungrown
    assert kind.table == "public.kind"
    assert "kind_pkey" in kind.why
