from collections.abc import Iterator

import pytest

from tests.prove import library
from tests.prove.library import BOOKS, SHELVES, edit
from unslow.demo.postgres import Postgres
from unslow.lab.prove import Candidate, gate
from unslow.lab.prove.bundle import Bundle
from unslow.lab.prove.gate import Baseline, Gated
from unslow.lab.target import Lab
from unslow.model import NewFile, Patch
from unslow.progress import Silent

BOOK = "GET books/<int:pk>/"
RENAME = "POST books/<int:pk>/rename/"
ORDERED = 'Book.objects.order_by("pk")'


@pytest.fixture(scope="module")
def lab(postgres: Postgres) -> Iterator[Lab]:
    with Lab(library.target(postgres, "gate"), Silent()) as lab:
        yield lab


@pytest.fixture(scope="module")
def base(lab: Lab) -> Baseline:
    return gate.baseline(
        lab,
        library.workload(),
        {BOOKS, BOOK, RENAME},
        budget_s=60,
        sign_in=None,
        progress=Silent(),
    )


@pytest.fixture
def check(lab: Lab, base: Baseline):
    def check(*candidates: Candidate) -> Gated:
        return gate.check(
            lab,
            base,
            [Bundle("B1", candidates)],
            sign_in=None,
            progress=Silent(),
            seconds_left=lambda: 60.0,
        )

    return check


def test_fixes_beside_are_in_the_baseline(lab: Lab, base: Baseline) -> None:
    placed = Candidate("placed", library.good(), (BOOKS,))
    found = gate.baseline(
        lab,
        library.workload(),
        {SHELVES},
        budget_s=60,
        sign_in=None,
        progress=Silent(),
        beside=[placed],
    )
    assert found.counters[BOOKS].queries < base.counters[BOOKS].queries
    assert found.counters[SHELVES].queries == base.counters[SHELVES].queries


def candidate(patch: Patch, *endpoints: str, key: str = "one") -> Candidate:
    return Candidate(key, patch, endpoints or (BOOKS,))


def reason(gated: Gated) -> str:
    assert not gated.passed
    (rejected,) = gated.rejected
    assert not rejected.crashed
    return rejected.reason


def test_a_good_patch_passes_and_its_queries_are_counted(check, base: Baseline) -> None:
    gated = check(candidate(library.good()))
    (passed,) = gated.passed
    assert (base.counters[BOOKS].queries, passed.counters[BOOKS].queries) == (61, 1)
    responses = gated.responses["one"]
    assert responses.compared == responses.equal > 0
    assert "GET books/: served (time)" in responses.masked


def test_the_write_that_can_be_repeated_is_known(base: Baseline) -> None:
    assert base.once == frozenset()


def test_edge_data_was_prepared(base: Baseline) -> None:
    assert [case.name for case in base.edges] == [
        "with NULL foreign keys",
        "with parents that have no children",
        "with one row",
        "with empty tables",
    ]


def test_a_dropped_field_is_different(check) -> None:
    patch = edit('            "title": book.title,\n', "")
    assert reason(check(candidate(patch))) == ('GET /books/ books[0].title: "book 1" -> missing')


def test_another_order_is_different(check) -> None:
    patch = edit(ORDERED, 'Book.objects.order_by("-pk")')
    assert reason(check(candidate(patch))).startswith("GET /books/ books[0].id: 1 -> 200")


def test_an_inner_join_that_loses_null_rows_is_different(check) -> None:
    """All books have an author in the data: only the edge data shows what is lost."""
    inner = edit(
        ORDERED, 'Book.objects.select_related("author").filter(author__isnull=False).order_by("pk")'
    )
    assert reason(check(candidate(inner))).endswith("(with NULL foreign keys)")


def test_another_end_state_is_different(check) -> None:
    """Every response is the same; only the table tells, beyond its noisy time stamps."""
    other_row = edit(
        "    found.save()\n",
        "    found.save()\n    Book.objects.filter(pk=150).update(title='lost')\n",
    )
    assert reason(check(candidate(other_row, RENAME))).endswith("book id 150: title differs")


def test_a_write_that_is_not_made_is_different(check) -> None:
    assert reason(check(candidate(edit("    found.save()\n", ""), RENAME))) != ""


def test_an_application_that_does_not_start_has_failed(check) -> None:
    broken = Patch("by-hand", "", "review", files=(NewFile("gunicorn.conf.py", "1 / 0\n"),))
    gated = check(candidate(broken))
    assert gated.rejected[0].crashed
    assert "ZeroDivisionError" in gated.rejected[0].reason


def test_a_patch_of_tests_is_refused(check) -> None:
    patch = Patch("by-hand", "", "review", files=(NewFile("library/tests/test_x.py", ""),))
    gated = check(candidate(patch))
    assert gated.rejected[0].reason == "it changes a test: library/tests/test_x.py"


def test_the_guilty_candidate_of_a_bundle_is_found(check) -> None:
    gated = check(
        candidate(library.good(), key="good"),
        candidate(edit("found.title})\n\n\ndef rename", "1})\n\n\ndef rename"), BOOK, key="bad"),
    )
    assert [one.bundle.keys for one in gated.passed] == [("good",)]
    assert [one.key for one in gated.rejected] == ["bad"]


def test_a_difference_on_another_endpoint_is_traced_to_its_candidate(check) -> None:
    elsewhere = edit('values("id", "name")[:5]', 'values("id")[:5]')
    gated = check(
        candidate(library.good(), key="good"),
        candidate(elsewhere, BOOK, key="bad"),
    )
    assert [one.bundle.keys for one in gated.passed] == [("good",)]
    assert [one.key for one in gated.rejected] == ["bad"]
    assert "GET /authors/ authors[0].name" in gated.rejected[0].reason


def test_an_index_runs_on_the_clone_of_its_bundle_alone(check) -> None:
    patch = Patch("by-hand", "", "safe", sql=("CREATE INDEX book_title ON book (title)",))
    assert check(candidate(patch)).passed
    assert check(candidate(patch)).passed


def test_endpoints_on_an_indexed_table_feel_the_patch(check) -> None:
    patch = Patch("by-hand", "", "safe", sql=('CREATE INDEX book_title ON "book" (title)',))
    (passed,) = check(candidate(patch)).passed
    assert passed.indexed["one"] >= {BOOK, RENAME}
    assert "GET authors/" not in passed.indexed["one"]


def test_endpoints_with_the_same_statements_feel_nothing(check) -> None:
    (passed,) = check(candidate(library.good())).passed
    assert passed.felt == frozenset()
    assert passed.indexed == {"one": frozenset()}


def test_a_visitor_without_a_login_gets_the_same_answers(lab: Lab) -> None:
    base = gate.baseline(
        lab,
        library.workload(),
        {BOOKS},
        budget_s=1,
        sign_in=lambda _: {"Cookie": "sessionid=x"},
        progress=Silent(),
    )
    assert base.edges[0].name == "without a login"
