import pytest

from tests.negatives.cases import cases

JOINED = "«Order.objects.select_related('customer')»"

CASES = {
    "the relation is read": [f"return [o.customer.name for o in {JOINED}]"],
    "the relation is read under one condition": [
        f"return [o.customer.name if o.paid else '' for o in {JOINED}]"
    ],
    "a property may read it": [f"return [o.recipient for o in {JOINED}]"],
    "a method may read it": [f"return [o.address() for o in {JOINED}]"],
    "a helper may read it": [f"return [line(o) for o in {JOINED}]"],
    "a template may read it": [f"return render(request, 'page.html', {{'orders': {JOINED}}})"],
    "printing a row may read it": [f"return [str(o) for o in {JOINED}]"],
    "the rows are returned": [f"return {JOINED}"],
    "the rows are serialized": [f"return Serializer({JOINED}, many=True).data"],
    "the relation is read by a name": [f"return [getattr(o, request.name) for o in {JOINED}]"],
    "the names are not constant": [
        "return [o.number for o in «Order.objects.select_related(*request.names)»]"
    ],
    "the prefetch has a name of its own": [
        "return [o.number for o in «Order.objects.prefetch_related("
        "Prefetch('items', to_attr='lines'))»]"
    ],
    "a to-many relation is read": [
        "return [len(o.items.all()) for o in «Order.objects.prefetch_related('items')»]"
    ],
    "what is prefetched is no relation of the model": [
        "return [o.number for o in «Order.objects.prefetch_related('elsewhere')»]"
    ],
}


def view(lines: list[str]) -> str:
    return "def run(request):\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize("lines", cases(CASES))
def test_silent(lines, rows_bench):
    rows_bench.detector = "unused-eager-load"
    assert rows_bench.findings(view(lines)) == []


def test_the_slow_form_fires(rows_bench):
    rows_bench.detector = "unused-eager-load"
    assert rows_bench.findings(view([f"return [o.number for o in {JOINED}]"]))
