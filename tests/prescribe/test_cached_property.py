import msgspec
import pytest

from unslow.lab.prescribe import cached_property as fixer

HEAD = "from django.db import models\n\n\n"
ASK = "«self.items.count()»"


@pytest.fixture
def asked(bench):
    def asked():
        load = bench.load("items", kind="count", uses=tuple(bench.sites))
        inner = msgspec.structs.replace(load.load, relation="", parent="", origin=None)
        return msgspec.structs.replace(load, load=inner, relation_path=())

    return asked


def order(*lines, base="models.Model", above=""):
    indented = "".join(f"    {line}\n" if line else "\n" for line in lines)
    return f"{HEAD}{above}class Order({base}):\n    number = 1\n\n{indented}"


PROPERTY = ("@property", "def size(self):", f"    return {ASK}")
METHOD = ("def size(self):", f"    return {ASK}")


@pytest.fixture
def reason(bench, asked):
    def reason(text):
        bench.write(text, "shop/models.py")
        return bench.recommended(fixer, asked(), id="duplicate-query").reason

    return reason


@pytest.fixture
def fixed(bench, asked):
    def fixed(text):
        bench.write(text, "shop/models.py")
        return bench.fixed(fixer, asked(), id="duplicate-query")

    return fixed


# --- nothing changes -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        ("def size(self, since):", f"    return {ASK}"),
        ("def size(self, *since):", f"    return {ASK}"),
        ("def size(self, *, since):", f"    return {ASK}"),
        ("async def size(self):", f"    return {ASK}"),
        ("@cached_property", "def size(self):", f"    return {ASK}"),
        ("@staticmethod", "def size(self):", f"    return {ASK}"),
        ("@action", "def size(self):", f"    return {ASK}"),
        ("def __len__(self):", f"    return {ASK}"),
    ],
    ids=[
        "an argument",
        "arguments",
        "by keyword",
        "async",
        "cached",
        "static",
        "action",
        "special",
    ],
)
def test_silent_for_what_is_no_property(bench, asked, lines):
    bench.write(order(*lines), "shop/models.py")
    assert bench.advice(fixer, asked(), id="duplicate-query") == []


def test_silent_for_a_function(bench, asked):
    bench.write(f"def size(self):\n    return {ASK}\n")
    assert bench.advice(fixer, asked(), id="duplicate-query") == []


@pytest.mark.parametrize("base", ["BaseModel", "pydantic.BaseModel", "NamedTuple", "make()"])
def test_advice_alone_where_instances_have_no_room(reason, base):
    assert "no room" in reason(order(*PROPERTY, base=base))


def test_advice_alone_below_such_a_class(reason):
    above = "class Base(BaseModel):\n    pass\n\n\n"
    assert "no room" in reason(order(*PROPERTY, base="Base", above=above))


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (("__slots__ = ()", *PROPERTY), "no room"),
        ((*PROPERTY, "@size.setter", "def size(self, value):", "    pass"), "assigned"),
        (("_size = 1", *METHOD), "free name"),
        (("def size(self):", f"    yield {ASK}"), "generator"),
        (("def size(self):", "    self.save()", f"    return {ASK}"), "it writes"),
        (
            (*METHOD, "def grow(self):", "    self.items.create()", "    return self.size()"),
            "writes rows in a function that reads it",
        ),
    ],
)
def test_advice_alone_when(reason, lines, why):
    assert why in reason(order(*lines))


def test_advice_alone_where_another_file_writes_around_it(bench, reason):
    bench.write("def pay(order):\n    order.items.create()\n    return order.size\n")
    bench.sites.clear()
    assert "shop/views.py writes rows" in reason(order(*PROPERTY))


@pytest.mark.parametrize(
    "text",
    [
        "from shop.models import Order\n\nORDER = Order()\n",
        "from shop.models import Order\n\n\n@lru_cache\ndef order():\n    return Order()\n",
    ],
)
def test_advice_alone_where_an_instance_outlives_the_request(bench, reason, text):
    bench.write(text)
    assert "outlives" in reason(order(*PROPERTY))


# --- changes ---------------------------------------------------------------------------------


def test_a_property_becomes_a_cached_one(fixed):
    assert fixed(order(*PROPERTY)) == (
        "from functools import cached_property\n\nfrom django.db import models\n\n\n"
        "class Order(models.Model):\n    number = 1\n\n"
        "    @cached_property\n    def size(self):\n        return self.items.count()\n"
    )


def test_a_method_keeps_its_name_and_reads_a_cached_property(fixed):
    text = fixed(order(*METHOD))
    assert text.endswith(
        "    def size(self):\n        return self._size\n\n"
        "    @cached_property\n    def _size(self):\n        return self.items.count()\n"
    )


def test_a_method_keeps_what_it_says_it_returns(fixed):
    text = fixed(order("def size(self) -> int:", f"    return {ASK}"))
    assert "    def size(self) -> int:\n        return self._size\n" in text
    assert "    def _size(self) -> int:\n" in text


def test_an_import_that_is_there_is_used(fixed):
    above = "from functools import cached_property\n\n\n"
    assert fixed(order(*PROPERTY, above=above)).count("import cached_property") == 1


def test_the_patch_asks_for_review(bench, asked):
    bench.write(order(*PROPERTY), "shop/models.py")
    [patch] = bench.patches(fixer, asked(), id="duplicate-query")
    assert patch.safety == "review"
    assert patch.summary == "Read Order.size once for each instance: cached_property"
