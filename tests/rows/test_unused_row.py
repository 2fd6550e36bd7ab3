import pytest


@pytest.fixture
def titles(rows_bench):
    rows_bench.detector = "unused-row"
    return lambda *lines: [
        one.title
        for one in rows_bench.findings(
            "def run(request):\n" + "".join(f"    {line}\n" for line in lines)
        )
    ]


LINE = "return list(«Order.objects.order_by('id')»)[0]"


def test_silent_for_few_rows(rows_bench, titles):
    rows_bench.rows = 19
    assert titles(LINE) == []


def test_silent_where_most_rows_are_used(rows_bench, titles):
    rows_bench.rows = 21
    assert titles(LINE.replace("[0]", "[10]")) == []


def test_names_the_list_and_the_rows_that_are_used(titles):
    where = "(shop/views.py:2 in run)"
    assert titles(LINE) == [f"GET orders/ reads 500 rows and uses the first {where}"]
    assert titles(LINE.replace("[0]", "[4]")) == [
        f"GET orders/ reads 500 rows and uses the first 5 {where}"
    ]
