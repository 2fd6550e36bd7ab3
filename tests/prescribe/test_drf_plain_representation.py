"""A serializer of plain columns reads them itself; whatever is more than plain stays."""

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from unslow.lab.patching import diff
from unslow.lab.prescribe import drf_plain_representation
from unslow.model import EncodingEvidence, Field, Model, Patch, Recommendation, Relation

PAGE = Path(__file__).parents[2] / "docs/fixers/drf-plain-representation.md"
HEAD = "from rest_framework import serializers\nfrom shop.models import Item\n\n\n"
PLAIN = """\
class ItemSerializer(serializers.ModelSerializer):
    class Meta:
        model = Item
        fields = «["id", "name", "order", "order_id", "price", "sold_at"]»
"""
ITEM = Model(
    "shop.Item",
    "django",
    "shop.models",
    "Item",
    "shop_item",
    fields=(
        Field("id", "id", "BigAutoField", primary_key=True),
        Field("name", "name", "CharField"),
        Field("order", "order_id", "ForeignKey"),
        Field("price", "price", "DecimalField"),
        Field("sold_at", "sold_at", "DateTimeField", null=True),
        Field("notes", "notes", "JSONField"),
    ),
    relations=(Relation("order", "order", "forward", "shop.Order", column="order_id"),),
)


def advice(bench, text, head=HEAD, kind="serializer", name="ItemSerializer"):
    bench.models = [ITEM]
    bench.write(head + text, "shop/serializers.py")
    finding = bench.finding(id="costly-serialization")
    evidence = EncodingEvidence(kind, f"shop.serializers.{name}", 1000, 20.0)
    return list(drf_plain_representation.fix(replace(finding, evidence=evidence), bench.source))


def test_each_column_is_read_as_its_type_wants(bench):
    (patch,) = advice(bench, PLAIN)
    assert isinstance(patch, Patch)
    assert (patch.safety, patch.metric) == ("review", "cpu")
    after = bench.apply(patch)["shop/serializers.py"].removeprefix(HEAD)
    assert after == PLAIN.replace("«", "").replace("»", "") + (
        "\n    def to_representation(self, instance):\n"
        "        if not isinstance(instance, Item):\n"
        "            return super().to_representation(instance)\n"
        "        fields = self.fields\n"
        "        return {\n"
        '            "id": instance.id,\n'
        '            "name": instance.name,\n'
        '            "order": instance.order_id,\n'
        '            "order_id": instance.order_id,\n'
        '            "price": fields["price"].to_representation(instance.price),\n'
        '            "sold_at": (\n'
        "                None\n"
        "                if instance.sold_at is None\n"
        '                else fields["sold_at"].to_representation(instance.sold_at)\n'
        "            ),\n"
        "        }\n"
    )


UNCHANGED = {
    "a declared field": PLAIN.replace(
        "    class Meta", "    name = serializers.CharField(source='title')\n\n    class Meta"
    ),
    "a method": PLAIN + "\n    def get_fields(self):\n        return {}\n",
    "another base": PLAIN.replace("serializers.ModelSerializer", "ShopSerializer"),
    "a mixin": PLAIN.replace("(serializers", "(Sparse, serializers"),
    "a Meta of another class": PLAIN.replace("class Meta:", "class Meta(Other.Meta):"),
    "settings of the fields": PLAIN + "        extra_kwargs = {'name': {'write_only': True}}\n",
    "nested objects": PLAIN + "        depth = 1\n",
    "all fields": PLAIN.replace(PLAIN.partition("«")[2].partition("»")[0], "'__all__'"),
    "a field that is no column": PLAIN.replace('"name"', '"label"'),
    "a column of any content": PLAIN.replace('"name"', '"notes"'),
    "a model that is not known": PLAIN.replace("model = Item", "model = Thing"),
    "a serializer that others inherit": (
        PLAIN + "\n\nclass More(ItemSerializer):\n    label = serializers.CharField()\n"
    ),
}


@pytest.mark.parametrize("text", UNCHANGED.values(), ids=UNCHANGED)
def test_nothing_but_advice_for(bench, text):
    (only,) = advice(bench, text)
    assert isinstance(only, Recommendation)


def test_a_second_run_changes_nothing(bench):
    (patch,) = advice(bench, PLAIN)
    text = bench.apply(patch)["shop/serializers.py"]
    (only,) = advice(bench, text, head="")
    assert isinstance(only, Recommendation)


def test_silent_for_what_fastapi_encodes(bench):
    assert advice(bench, PLAIN, kind="encoder") == []


def test_the_page_shows_what_is_written(bench):
    text = PAGE.read_text()
    (example, *_) = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    (expected, *_) = re.findall(r"^```diff\n(.*?)^```$", text, re.M | re.S)
    cause = '["id", "name", "price", "sold_at"]'
    (patch,) = advice(bench, example.replace(cause, f"«{cause}»"), head="")
    assert diff([patch], bench.source.read) == expected
