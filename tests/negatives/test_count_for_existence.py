import pytest

from tests.negatives.cases import cases

ROWS = {
    "the rows are looped over as well": [
        "orders = «Order.objects.all()»",
        "if orders:",
        "    send(o.number for o in orders)",
    ],
    "the rows are returned where there are any": [
        "orders = «Order.objects.all()»",
        "return orders if orders else None",
    ],
    "the first row is read as well": [
        "orders = «Order.objects.all()»",
        "return orders[0] if orders else None",
    ],
    "the length is compared with another number": ["return len(«Order.objects.all()») > 5"],
    "the length is shown": ["return {'orders': len(«Order.objects.all()»)}"],
    "the rows are given on by `or`": ["return «Order.objects.all()» or None"],
    "the rows are tested twice": [
        "orders = «Order.objects.all()»",
        "if not orders:",
        "    request.warn()",
        "return 1 if orders else 2",
    ],
}
COUNTS = {
    "the count is shown": ["return {'orders': «Order.objects.count()»}"],
    "the count is shown where it is not 0": [
        "number = «Order.objects.count()»",
        "return f'{number} orders' if number > 0 else ''",
    ],
    "the count is compared with a page's size": ["return «Order.objects.count()» > 20"],
    "the count is compared with 1": ["return «Order.objects.count()» > 1"],
    "the count is compared with a name": ["return «Order.objects.count()» > request.least"],
    "the count is the length of a range": ["return range(«Order.objects.count()»)"],
    "the count is changed": [
        "number = «Order.objects.count()»",
        "number += 1",
        "return number > 0",
    ],
}


def view(lines: list[str]) -> str:
    return "def run(request):\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize("lines", cases(ROWS))
def test_silent_for_rows(lines, rows_bench):
    rows_bench.detector = "count-for-existence"
    assert rows_bench.findings(view(lines)) == []


@pytest.mark.parametrize("lines", cases(COUNTS))
def test_silent_for_counts(lines, rows_bench):
    rows_bench.detector = "count-for-existence"
    rows_bench.loads = {"kind": "count"}
    assert rows_bench.findings(view(lines)) == []


def test_the_slow_forms_fire(rows_bench):
    rows_bench.detector = "count-for-existence"
    assert rows_bench.findings(view(["return len(«Order.objects.all()») > 0"]))
    rows_bench.loads = {"kind": "count"}
    assert rows_bench.findings(view(["return «Order.objects.count()» > 0"]))
