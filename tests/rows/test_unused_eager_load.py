import pytest


@pytest.fixture
def titles(rows_bench):
    rows_bench.detector = "unused-eager-load"
    return lambda line: [
        one.title for one in rows_bench.findings(f"def run(request):\n    {line}\n")
    ]


LINE = "return [o.number for o in «Order.objects.select_related('customer')»]"


def test_silent_for_few_rows(rows_bench, titles):
    rows_bench.rows = 19
    assert titles(LINE) == []


def test_silent_when_the_relation_is_read(titles):
    assert titles(LINE.replace("o.number", "o.customer.name")) == []


def test_names_the_step_and_the_relation(rows_bench, titles):
    assert titles(LINE) == [
        "GET orders/ loads customer with 500 rows of Order, never read (shop/views.py:2 in run)"
    ]
    (found,) = rows_bench.findings(f"def run(request):\n    {LINE}\n")
    assert (found.cause.column, found.cause.end_column) == (30, 70)
    assert found.evidence.relation == "customer"


def test_is_the_only_finding_of_its_rows(rows_bench, titles):
    rows_bench.detector = "unused-column"
    assert titles(LINE) == []
