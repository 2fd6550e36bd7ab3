"""What is read before a loop is what each row would have got."""

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from unslow.lab.patching import diff
from unslow.lab.prescribe import django_get_many
from unslow.model import CacheEvidence, Patch, Recommendation

PAGE = Path(__file__).parents[2] / "docs/fixers/django-get-many.md"
HEAD = "from django.core.cache import cache\nfrom shop.models import Item\n\n\n"


def advice(bench, body, fixer=django_get_many, head=HEAD, command="GET"):
    bench.write(head + body)
    finding = bench.finding(id="repeated-cache-call")
    evidence = CacheEvidence(command, "visits:*", 100.0, uses=tuple(bench.sites))
    return list(fixer.fix(replace(finding, evidence=evidence), bench.source))


def patched(bench, body, fixer=django_get_many, head=HEAD, command="GET"):
    (patch,) = advice(bench, body, fixer, head, command)
    assert isinstance(patch, Patch), patch
    assert (patch.metric, patch.safety) == ("wall", "review")
    return bench.apply(patch)["shop/views.py"].removeprefix(head)


UNCHANGED = {
    "no loop": "def view(item):\n    return «cache.get(f'v:{item.pk}')»\n",
    "a key without the row": (
        "def view():\n    for item in Item.objects.all():\n        print(«cache.get('total')»)\n"
    ),
    "a key that the loop's body counts": (
        "def view():\n    n = 0\n    for item in Item.objects.all():\n        n += 1\n"
        "        print(«cache.get(f'v:{item.pk}:{n}')»)\n"
    ),
    "a version of the key": (
        "def view():\n    for item in Item.objects.all():\n"
        "        print(«cache.get(item.pk, version=2)»)\n"
    ),
    "rows that can be read once": (
        "def view(items):\n    for item in items:\n        print(«cache.get(item.pk)»)\n"
    ),
    "an iterator": (
        "def view():\n    for item in Item.objects.iterator():\n"
        "        print(«cache.get(item.pk)»)\n"
    ),
    "a value that is deleted as well": (
        "def view():\n    for item in Item.objects.all():\n        print(«cache.get(item.pk)»)\n"
        "        cache.delete(item.pk)\n"
    ),
    "errors that are handled": (
        "def view():\n    for item in Item.objects.all():\n        try:\n"
        "            print(«cache.get(item.pk)»)\n        except ConnectionError:\n"
        "            return\n"
    ),
    "a function that makes one when there is none": (
        "def view():\n    for item in Item.objects.all():\n"
        "        print(«cache.get_or_set(item.pk, item.price)»)\n"
    ),
    "a cache of another library": (
        "def view(cache):\n    from other import cache\n    for item in Item.objects.all():\n"
        "        print(«store.get(item.pk)»)\n"
    ),
    "a cache of the row": (
        "def view():\n    for item in Item.objects.all():\n"
        "        print(«item.cache.get(item.pk)»)\n"
    ),
}


@pytest.mark.parametrize("body", UNCHANGED.values(), ids=UNCHANGED)
def test_nothing_is_written_for(bench, body):
    assert not [one for one in advice(bench, body) if isinstance(one, Patch)]


def test_a_loop_over_a_queryset(bench):
    body = (
        "def view():\n    rows = []\n    for item in Item.objects.all()[:9]:\n"
        "        rows.append(«cache.get(f'v:{item.pk}', 0)»)\n    return rows\n"
    )
    assert patched(bench, body) == (
        "def view():\n    rows = []\n    items = list(Item.objects.all()[:9])\n"
        "    cached = cache.get_many([f'v:{item.pk}' for item in items])\n    for item in items:\n"
        "        rows.append(cached.get(f'v:{item.pk}', 0))\n    return rows\n"
    )


def test_a_comprehension_over_a_name(bench):
    body = (
        "def view():\n    items = Item.objects.all()\n"
        "    return [«cache.get(item.pk)» for item in items]\n"
    )
    assert patched(bench, body) == (
        "def view():\n    items = Item.objects.all()\n"
        "    cached = cache.get_many([item.pk for item in items])\n"
        "    return [cached.get(item.pk) for item in items]\n"
    )


def test_a_key_with_a_name_of_its_own_and_a_value_that_is_filled_in(bench):
    body = (
        "def view():\n    for item in Item.objects.all():\n        key = f'v:{item.pk}'\n"
        "        value = «cache.get(key)»\n        if value is None:\n"
        "            cache.set(key, item.price, 60)\n"
    )
    assert patched(bench, body) == (
        "def view():\n    items = list(Item.objects.all())\n"
        "    cached = cache.get_many([f'v:{item.pk}' for item in items])\n    for item in items:\n"
        "        key = f'v:{item.pk}'\n"
        "        value = cached.get(key)\n        if value is None:\n"
        "            cache.set(key, item.price, 60)\n"
    )


def test_an_async_view(bench):
    body = (
        "async def view():\n    items = [1, 2]\n    for item in items:\n"
        "        print(«await cache.aget(item)»)\n"
    )
    assert patched(bench, body) == (
        "async def view():\n    items = [1, 2]\n"
        "    cached = await cache.aget_many([item for item in items])\n    for item in items:\n"
        "        print(cached.get(item))\n"
    )


def test_the_page_shows_what_is_written(bench):
    text = PAGE.read_text()
    (example, *_) = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    (expected, *_) = re.findall(r"^```diff\n(.*?)^```$", text, re.M | re.S)
    cause = 'cache.get(f"visits:{product.id}", 0)'
    (patch,) = advice(bench, example.replace(cause, f"«{cause}»"), head="")
    assert diff([patch], bench.source.read) == expected


def test_a_second_run_finds_no_loop(bench):
    body = (
        "def view():\n    items = Item.objects.all()\n    cached = cache.get_many([1])\n"
        "    return [«cached.get(item.pk)» for item in items]\n"
    )
    assert not [one for one in advice(bench, body) if not isinstance(one, Recommendation)]
