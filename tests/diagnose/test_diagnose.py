import pytest
from msgspec.structs import replace

from tests.builders import Queries, query, request, site, trace
from unslow.lab.diagnose import detectors, diagnose

SQL = "SELECT * FROM customer WHERE id = ?"
LINES = [b"def list_orders():", b"    for o in orders:", b"        get(o)", b"    return 1"]


def seen(*uses):
    return trace(
        *(request("GET", f"{use}/", query(SQL, use, ms=n + 1) * 10) for n, use in enumerate(uses))
    )


def source(**lines):
    return lambda path: b"\n".join(lines.get(f"line{n}", text) for n, text in enumerate(LINES, 1))


def test_every_detector_is_found_by_walking_the_package():
    assert "repeated_query" in detectors()
    assert not any(name.startswith("_") for name in detectors())


def test_the_costliest_finding_comes_first():
    titles = [finding.title for finding in diagnose(seen("a.py:3", "b.py:3"))]
    assert [title.split("/")[0] for title in titles] == ["GET b.py:3", "GET a.py:3"]


def test_a_finding_stays_without_a_comment():
    assert len(diagnose(seen("a.py:3"), source())) == 1


@pytest.mark.parametrize(
    "lines",
    [
        {"line3": b"        get(o)  # unslow: allow repeated-query -- three at most"},
        {"line2": b"    # unslow: allow repeated-query -- three at most"},
        {"line2": b"    #unslow: allow duplicate-query, repeated-query"},
    ],
    ids=["on the line", "above", "among others"],
)
def test_silent_when_allowed(lines):
    assert diagnose(seen("a.py:3"), source(**lines)) == []


@pytest.mark.parametrize(
    "lines",
    [
        {"line3": b"        get(o)  # unslow: allow duplicate-query -- another one"},
        {"line2": b"    for o in x:  # unslow: allow repeated-query -- of the line above"},
        {"line1": b"# unslow: allow repeated-query -- too far away"},
    ],
    ids=["another detector", "code above", "two lines above"],
)
def test_a_comment_about_something_else_allows_nothing(lines):
    assert len(diagnose(seen("a.py:3"), source(**lines))) == 1


def test_a_file_that_cannot_be_read_allows_nothing():
    def missing(path):
        raise FileNotFoundError(path)

    assert len(diagnose(seen("a.py:3"), missing)) == 1


def test_a_cause_is_a_whole_expression_and_the_title_names_its_line():
    text = b"def f():\n    rows = (\n        a()\n        .get(1)\n    )\n"
    place = site("a.py:4:9 f", width=6)
    first = query(SQL, ms=1.0).all[0]
    repeated = Queries((replace(first, stack=(place,)),)) * 10
    [found] = diagnose(trace(request("GET", "a/", repeated)), lambda path: text)
    assert (found.cause.line, found.cause.end_line, found.cause.column) == (3, 4, 8)
    assert found.title.endswith("(a.py:3 in f)")
    assert found.evidence.loads[0].uses == (found.cause,)
