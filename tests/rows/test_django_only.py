import pytest

from tests.rows.conftest import DJANGO
from unslow.lab.prescribe import django_only as fixer

HEAD = "from shop.models import Order\n\n\ndef run(request):\n"


@pytest.fixture
def fixed(rows_bench):
    rows_bench.detector = "unused-column"
    return lambda line: rows_bench.fixed(fixer, f"{HEAD}    {line}\n")


def test_nothing_for_sqlalchemy(rows_bench, fixed):
    rows_bench.orm = "sqlalchemy"
    line = "return [o.number for o in db.scalars(«select(Order)»)]"
    assert fixed(line) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "return [(o.number, o.total) for o in «Order.objects.all()»]",
            'return [(o.number, o.total) for o in Order.objects.all().only("number", "total")]',
        ),
        (
            "return [(o.pk, o.total) for o in «Order.objects.all()»[:99]]",
            'return [(o.pk, o.total) for o in Order.objects.all().only("id", "total")[:99]]',
        ),
        (
            "return [o.customer_id for o in «Order.objects.all()».iterator()]",
            'return [o.customer_id for o in Order.objects.all().only("customer").iterator()]',
        ),
        (
            "return [o.n for o in «Order.objects.annotate(n=Count('items'))»]",
            "return [o.n for o in Order.objects.annotate(n=Count('items')).only(\"pk\")]",
        ),
    ],
)
def test_names_what_is_read(fixed, before, after):
    assert fixed(before) == f"{HEAD}    {after}\n"


def test_a_foreign_key_stays_for_the_join(fixed):
    before = "return [o.customer.name for o in «Order.objects.select_related('customer')»]"
    assert "".join(fixed(before).split()).endswith("select_related('customer').only(\"customer\")]")


def test_defer_where_only_long_columns_are_unread(fixed):
    read = [field for field in DJANGO if field not in ("note", "attachment", "customer")]
    values = ", ".join(f"o.{name}" for name in [*read, "customer_id"])
    before = f"return [({values}) for o in «Order.objects.all()»]"
    assert 'Order.objects.all().defer("note","attachment")]' in "".join(fixed(before).split())
