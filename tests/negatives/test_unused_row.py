import pytest

from tests.negatives.cases import cases

CASES = {
    "the rows are returned as well": [
        "orders = list(«Order.objects.all()»)",
        "return orders[0], orders",
    ],
    "the length is used as well": [
        "orders = list(«Order.objects.all()»)",
        "return orders[0], len(orders)",
    ],
    "the last row is used": ["return list(«Order.objects.all()»)[-1]"],
    "the index is not known": ["return list(«Order.objects.all()»)[request.position]"],
    "the loop returns under a condition": [
        "for order in «Order.objects.all()»:",
        "    if order.may_be_seen():",
        "        return order",
    ],
    "the loop may go on": [
        "for order in «Order.objects.all()»:",
        "    if not order.may_be_seen():",
        "        continue",
        "    return order",
    ],
    "the loop tries each row": [
        "for order in «Order.objects.all()»:",
        "    try:",
        "        return order.send()",
        "    except ValueError:",
        "        pass",
        "    break",
    ],
    "the queryset is cut already": ["return list(«Order.objects.all()»[:50])[0]"],
    "the queryset is distinct": ["return list(«Order.objects.distinct()»)[0]"],
    "the rows are locked": ["return list(«Order.objects.select_for_update()»)[0]"],
    "a generator takes one row after another": [
        "for order in «Order.objects.all()»:",
        "    yield order",
    ],
}


@pytest.mark.parametrize("lines", cases(CASES))
def test_silent(lines, rows_bench):
    rows_bench.detector = "unused-row"
    text = "def run(request):\n" + "".join(f"    {line}\n" for line in lines)
    assert rows_bench.findings(text) == []


def test_the_slow_form_fires(rows_bench):
    rows_bench.detector = "unused-row"
    assert rows_bench.findings("def run(request):\n    return list(«Order.objects.all()»)[0]\n")
