"""How what is compiled in a function is compiled once."""

# ruff: noqa: E501 -- sources in one line

import pytest

from tests.prescribe.waiting import advice, assert_page, fixed, patch, refused
from unslow.lab.prescribe import module_constant as fixer

ADAPTER = {"call": "pydantic.TypeAdapter"}
MODEL = {"call": "pydantic.BaseModel"}
JINJA = {"call": "jinja2.Template"}
DJANGO = {"call": "django.template.Template"}
PATTERN = {"call": "re.Pattern"}

HEAD = "from pydantic import BaseModel, TypeAdapter\n\nfrom shop.models import Row\n\n\n"


@pytest.mark.parametrize(
    ("text", "evidence", "reason"),
    [
        (f"{HEAD}def view(kind):\n    return «TypeAdapter(list[kind])».dump(1)\n", ADAPTER, fixer.DEPENDS),
        (f"{HEAD}def view(Row):\n    return «TypeAdapter(list[Row])».dump(1)\n", ADAPTER, fixer.DEPENDS),
        (f"{HEAD}def view():\n    from api import Row\n    return «TypeAdapter(list[Row])».dump(1)\n", ADAPTER, fixer.DEPENDS),
        (f"{HEAD}def view():\n    return «TypeAdapter(Late)».dump(1)\n\n\nclass Late:\n    pass\n", ADAPTER, fixer.DEPENDS),
        (f"{HEAD}def outer(Row):\n    def view():\n        return «TypeAdapter(Row)».dump(1)\n    return view\n", ADAPTER, fixer.DEPENDS),
        ("adapter = shared_adapter = Row = 1\n\n\ndef view():\n    return «TypeAdapter(Row)».dump(1)\n", ADAPTER, fixer.DEPENDS),
        ("from p import TypeAdapter\nadapter = shared_adapter = Row = 1\n\n\ndef view():\n    return «TypeAdapter(Row)».dump(1)\n", ADAPTER, fixer.TAKEN),
        (f"{HEAD}def view():\n    «class Out(BaseModel):\n        id: int\n        def name(self): return 1»\n    return Out\n", MODEL, fixer.BODY),
        (f"{HEAD}def view(base):\n    «class Out(base):\n        id: int»\n    return Out\n", MODEL, fixer.DEPENDS),
        (f"{HEAD}def view():\n    «class Out(BaseModel):\n        id: 'Late'»\n    return Out\n", MODEL, fixer.DEPENDS),
        (f"{HEAD}def view():\n    «class Row(BaseModel):\n        id: int»\n    return Row\n", MODEL, fixer.TAKEN),
        (f"{HEAD}def view():\n    «class Out(BaseModel):\n        id: int»\n", MODEL, fixer.BODY),
        ("from jinja2 import Environment\n\n\ndef view():\n    env = «Environment()»\n    env.filters['a'] = abs\n    return env.get_template('a')\n", JINJA, fixer.CHANGED),
        ("from jinja2 import Environment\n\n\ndef view():\n    return use(«Environment()»)\n", JINJA, fixer.CHANGED),
        ("import re\n\n\ndef view(words):\n    return [«re.search(word, 'text')» for word in words]\n", PATTERN, fixer.PATTERNS),
        ("import re\n\n\ndef view(words):\n    return «re.compile('|'.join(words))».search('text')\n", PATTERN, fixer.DEPENDS),
        ("from django.shortcuts import render\n\n\ndef view(request):\n    return «render(request, 'a.html')»\n", DJANGO, fixer.LOADERS),
    ],
)  # fmt: skip
def test_nothing_is_written(bench, text, evidence, reason) -> None:
    bench.write(text)
    assert refused(bench, fixer, **evidence) == reason


def test_silent_without_a_call(bench) -> None:
    bench.write("def view(row):\n    return «row.adapter»\n")
    assert advice(bench, fixer, **ADAPTER) == []


def test_a_call_becomes_a_name(bench) -> None:
    bench.write(f"{HEAD}@router.get('/')\ndef view(rows):\n    return «TypeAdapter(list[Row])».dump(rows)\n")  # fmt: skip
    assert fixed(bench, fixer, **ADAPTER) == (
        f"{HEAD}adapter = TypeAdapter(list[Row])\n\n\n"
        "@router.get('/')\ndef view(rows):\n    return adapter.dump(rows)\n"
    )


def test_an_assignment_moves_with_its_name(bench) -> None:
    bench.write(
        f"{HEAD}def view(rows):\n    ones = «TypeAdapter(list[Row])»\n    return ones.dump(rows)\n"
    )
    assert fixed(bench, fixer, **ADAPTER) == (
        f"{HEAD}ones = TypeAdapter(list[Row])\n\n\ndef view(rows):\n    return ones.dump(rows)\n"
    )


@pytest.mark.parametrize(
    "body",
    [
        "    ones = «TypeAdapter(list[Row])»\n    ones = ones or 1\n    return ones\n",
        "    ones = «TypeAdapter(list[Row])»\n    for ones in rows:\n        use(ones)\n",
        "    if rows:\n        ones = «TypeAdapter(list[Row])»\n    return ones\n",
    ],
    ids=["assigned again", "a loop's", "alone in its block"],
)
def test_a_name_of_several_values_stays(bench, body) -> None:
    bench.write(f"{HEAD}def view(rows):\n{body}")
    assert fixed(bench, fixer, **ADAPTER) == (
        f"{HEAD}adapter = TypeAdapter(list[Row])\n\n\ndef view(rows):\n"
        + body.replace("«TypeAdapter(list[Row])»", "adapter")
    )


def test_a_class_of_fields_moves(bench) -> None:
    bench.write(
        f"{HEAD}def view(rows):\n"
        "    «class Out(BaseModel):\n        id: int\n        rows: list[Row] = []»\n\n"
        "    return Out(rows=rows)\n"
    )
    assert fixed(bench, fixer, **MODEL) == (
        f"{HEAD}class Out(BaseModel):\n    id: int\n    rows: list[Row] = []\n\n\n"
        "def view(rows):\n    return Out(rows=rows)\n"
    )


def test_a_model_by_its_name(bench) -> None:
    bench.write(
        "from pydantic import create_model\n\n\ndef view():\n"
        "    return «create_model('Out', id=(int, ...))»(id=1)\n"
    )
    assert fixed(bench, fixer, **MODEL) == (
        "from pydantic import create_model\n\n\nOut = create_model('Out', id=(int, ...))\n\n\n"
        "def view():\n    return Out(id=1)\n"
    )


def test_an_environment_that_is_looked_up_in(bench) -> None:
    bench.write(
        "from jinja2 import Environment\n\nfrom shop.paths import LOADER\n\n\ndef view(order):\n"
        "    env = «Environment(loader=LOADER)»\n"
        "    return env.get_template('a.html').render(order=order)\n"
    )
    assert fixed(bench, fixer, **JINJA) == (
        "from jinja2 import Environment\n\nfrom shop.paths import LOADER\n\n\n"
        "env = Environment(loader=LOADER)\n\n\ndef view(order):\n"
        "    return env.get_template('a.html').render(order=order)\n"
    )


def test_a_source_of_an_environment_of_the_module(bench) -> None:
    bench.write(
        "from shop.pages import pages\n\nTEXT = '{{ n }}'\n\n\ndef view(n):\n"
        "    return «pages.from_string(TEXT)».render(n=n)\n"
    )
    assert fixed(bench, fixer, **JINJA).endswith(
        "template = pages.from_string(TEXT)\n\n\ndef view(n):\n    return template.render(n=n)\n"
    )


def test_it_is_judged_by_cpu(bench) -> None:
    bench.write("import re\n\n\ndef view():\n    return «re.compile('a')».match('a')\n")
    assert patch(bench, fixer, **PATTERN).metric == "cpu"


def test_the_page_shows_what_is_written(bench) -> None:
    assert_page(bench, fixer, "TypeAdapter(list[Line])", **ADAPTER)
