"""Lists of a plain serializer are read as values, and give what the instances gave."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.prescribe.test_drf_plain_representation import HEAD, ITEM, PLAIN, UNCHANGED
from unslow.lab.patching import diff
from unslow.lab.prescribe import drf_values_rows
from unslow.model import EncodingEvidence

PAGE = Path(__file__).parents[2] / "docs/fixers/drf-values-rows.md"
MODELS = """
import datetime, decimal, django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", USE_TZ=True,
)
django.setup()
from django.db import connection, models


class Order(models.Model):
    class Meta:
        app_label = "shop"


class Item(models.Model):
    name = models.CharField(max_length=9)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="items")
    price = models.DecimalField(max_digits=9, decimal_places=2)
    sold_at = models.DateTimeField(null=True)
    class Meta:
        app_label = "shop"


with connection.schema_editor() as editor:
    editor.create_model(Order)
    editor.create_model(Item)
order = Order.objects.create()
noon = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
for n in range(5):
    Item.objects.create(name="ab"[n % 2], order=order, price=n, sold_at=noon if n else None)
"""
QUERYSETS = """
items, PLAIN = Item.objects.order_by("id"), Item.objects.all()
read = Item.objects.order_by("id")
len(read)
def counted(rows, serializer):
    from django.test.utils import CaptureQueriesContext
    with CaptureQueriesContext(connection) as queries:
        data = serializer(rows, many=True).data
    return data, len(queries)

for rows in (
    items, items[1:3], items.filter(name="a"), items.select_related("order"), items.none(),
    items.prefetch_related("order"), order.items, list(items), read, items.distinct(),
    items.annotate(n=models.Count("order")), PLAIN.filter(id=1).union(PLAIN.filter(id=2)),
):
    fresh = rows.all() if isinstance(rows, models.QuerySet) and rows is not read else rows
    old, _ = counted(fresh, Before)
    new, queries = counted(rows, ItemSerializer)
    assert old == new, (rows, old, new)
    assert queries <= 2, rows
assert counted(read, ItemSerializer)[1] == 0
print("equal")
"""


def advice(bench, text, head=HEAD, kind="serializer"):
    bench.models = [ITEM]
    bench.write(head + text, "shop/serializers.py")
    finding = bench.finding(id="costly-serialization")
    evidence = EncodingEvidence(kind, "shop.serializers.ItemSerializer", 1000, 20.0)
    return list(drf_values_rows.fix(replace(finding, evidence=evidence), bench.source))


@pytest.mark.parametrize("text", UNCHANGED.values(), ids=UNCHANGED)
def test_nothing_is_written_for(bench, text):
    assert advice(bench, text) == []


def test_silent_for_what_fastapi_encodes(bench):
    assert advice(bench, PLAIN, kind="encoder") == []


def test_a_second_run_changes_nothing(bench):
    (patch,) = advice(bench, PLAIN)
    assert advice(bench, bench.apply(patch)["shop/serializers.py"], head="") == []


def test_the_list_gives_what_the_rows_gave(bench):
    (patch,) = advice(bench, PLAIN)
    assert (patch.safety, patch.metric) == ("review", "cpu")
    written = bench.apply(patch)["shop/serializers.py"].replace("from shop.models import Item", "")
    before = (HEAD + PLAIN).replace("«", "").replace("»", "").replace("ItemSerializer", "Before")
    text = MODELS + before.replace("from shop.models import Item", "") + written + QUERYSETS
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.stdout == "equal\n", done.stderr


def test_the_page_shows_what_is_written(bench):
    text = PAGE.read_text()
    (example, *_) = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    (expected, *_) = re.findall(r"^```diff\n(.*?)^```$", text, re.M | re.S)
    cause = '["id", "name", "price", "sold_at"]'
    (patch,) = advice(bench, example.replace(cause, f"«{cause}»"), head="")
    assert diff([patch], bench.source.read) == expected
