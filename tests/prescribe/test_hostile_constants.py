"""What is compiled and asked in ways that nobody expects: it means the same, or nothing changes."""

# ruff: noqa: E501 -- sources in one line

import msgspec
import pytest

from tests.prescribe.waiting import advice, fixed
from unslow.lab.prescribe import local_variable, module_constant
from unslow.model import Patch

HEAD = "import os\nimport re\nfrom datetime import datetime\n\nfrom jinja2 import Environment\n"
HEAD += "from pydantic import BaseModel, Field, TypeAdapter\n\nfrom shop.models import Row\n\n"
PATTERN = {"call": "re.Pattern"}
ADAPTER = {"call": "pydantic.TypeAdapter"}
MODEL = {"call": "pydantic.BaseModel"}
JINJA = {"call": "jinja2.Template"}

KEPT = {
    "bound again below": ("A = 'a'\n\ndef f():\n    return «re.compile(A)»\n\nA = 'b'\n", PATTERN),
    "global": (
        "A = 'a'\n\ndef f():\n    return «re.compile(A)»\n\ndef g():\n    global A\n    A = 'b'\n",
        PATTERN,
    ),
    "list that grows": (
        "A = ['a']\n\ndef f():\n    return «re.compile('|'.join(A))»\n\ndef g(a):\n    A.append(a)\n",
        PATTERN,
    ),
    "entry that changes": (
        "A = {}\n\ndef f():\n    return «re.compile(A['a'])»\n\ndef g(a):\n    A['a'] = a\n",
        PATTERN,
    ),
    "added to": ("A = ['a']\n\ndef f():\n    return «re.compile(A[0])»\n\nA += ['b']\n", PATTERN),
    "handed on": ("A = []\n\ndef f():\n    return «re.compile(A[0])»\n\nregister(A)\n", PATTERN),
    "attribute that is set": (
        "A = Row()\n\ndef f():\n    return «re.compile(A.x)»\n\ndef g(a):\n    A.x = a\n",
        PATTERN,
    ),
    "file": ("def f():\n    return «re.compile(open('a').read())»\n", PATTERN),
    "environment": ("def f():\n    return «re.compile(os.environ['A'])»\n", PATTERN),
    "variable": ("def f():\n    return «re.compile(os.getenv('A'))»\n", PATTERN),
    "time": ("def f():\n    return «re.compile(str(datetime.now()))»\n", PATTERN),
    "own function": (
        "def load():\n    return 'a'\n\n\ndef f():\n    return «re.compile(load())»\n",
        PATTERN,
    ),
    "setting": (
        "from django.conf import settings\n\ndef f():\n    return «re.compile(settings.A)»\n",
        PATTERN,
    ),
    "walrus": ("def f():\n    return «re.compile(a := 'a')», a\n", PATTERN),
    "lambda": ("a = 'a'\n\nf = lambda a: «re.compile(a)»\n", PATTERN),
    "match": (
        "a = 'a'\n\ndef f(b):\n    match b:\n        case {'a': a}:\n"
        "            return «re.compile(a)»\n",
        PATTERN,
    ),
    "name to come": ("def f():\n    return «TypeAdapter(list['Late'])»\n", ADAPTER),
    "filter to come": (
        "env = Environment()\n\ndef f():\n    return «env.from_string('a')»\n\nenv.filters['a'] = 1\n",
        JINJA,
    ),
    "two classes of one name": (
        "def f(a):\n    if a:\n        «class Out(BaseModel):\n            a: int»\n        use(a)\n"
        "    else:\n        class Out(BaseModel):\n            b: int\n    return Out\n",
        MODEL,
    ),
    "default of each request": (
        "def f():\n    «class Out(BaseModel):\n        at: datetime = datetime.now()»\n    return Out\n",
        MODEL,
    ),
    "class that is changed": (
        "def f(a):\n    «class Out(BaseModel):\n        a: int»\n    Out.a = a\n    return Out\n",
        MODEL,
    ),
    "template that is changed": (
        "def f(a):\n    t = «Environment().from_string('a')»\n    t.globals['a'] = a\n    return t\n",
        JINJA,
    ),
}


@pytest.mark.parametrize("case", KEPT)
def test_it_is_still_compiled_where_it_is(bench, case):
    text, evidence = KEPT[case]
    bench.write(HEAD + text)
    found = [p for p in advice(bench, module_constant, **evidence) if isinstance(p, Patch)]
    assert [bench.apply(one) for one in found] == []


MOVED = {
    "constants": (
        "A = ('a', 'b')\n\n\ndef f():\n    return «re.compile('|'.join(A), re.I)»\n",
        PATTERN,
        "pattern = re.compile('|'.join(A), re.I)\n\n\ndef f():\n    return pattern\n",
    ),
    "escaped": (
        "A = ['a', 'b']\n\n\ndef f():\n    return «re.compile('|'.join(map(re.escape, A)))»\n",
        PATTERN,
        "pattern = re.compile('|'.join(map(re.escape, A)))\n\n\ndef f():\n    return pattern\n",
    ),
    "method": (
        "class F:\n    def f(self):\n        return «re.compile('a')»\n",
        PATTERN,
        "pattern = re.compile('a')\n\n\nclass F:\n    def f(self):\n        return pattern\n",
    ),
    "decorated coroutine": (
        "@one\n@two(1)\nasync def f():\n    return «re.compile('a')»\n",
        PATTERN,
        "pattern = re.compile('a')\n\n\n@one\n@two(1)\nasync def f():\n    return pattern\n",
    ),
    "fields": (
        "def f():\n    «class Out(BaseModel):\n        a: int = Field(ge=1)»\n    return Out\n",
        MODEL,
        "class Out(BaseModel):\n    a: int = Field(ge=1)\n\n\ndef f():\n    return Out\n",
    ),
}


@pytest.mark.parametrize("case", MOVED)
def test_it_is_compiled_once(bench, case):
    text, evidence, after = MOVED[case]
    bench.write(HEAD + text)
    assert fixed(bench, module_constant, **evidence).endswith(after)


GET = "«Row.objects.get(pk=1)»"
COUNT = "«Row.objects.count()»"
ASKED = {
    "raises in a try": (
        "get",
        f"for a in rows:\n    try:\n        use({GET})\n    except ValueError:\n        pass",
    ),
    "behind a test": ("count", f"for a in rows:\n    if a:\n        use({COUNT})"),
    "behind an operator": ("count", f"for a in rows:\n    use(a and {COUNT})"),
    "of rows that are created": (
        "count",
        f"for a in rows:\n    use({COUNT})\n    Row.objects.create(a=a)",
    ),
    "of rows that a function creates": (
        "count",
        f"for a in rows:\n    use({COUNT})\n    create_row(a)",
    ),
    "of rows created in between": ("count", f"a = {COUNT}\nRow(a=a).save()\nb = {COUNT}"),
    "of rows that a function created": ("count", f"a = {COUNT}\nadd_row(a)\nb = {COUNT}"),
    "of rows written by SQL": ("count", f"a = {COUNT}\ncursor.execute('x')\nb = {COUNT}"),
    "global": (
        "count",
        "global n\na = «Row.objects.filter(n=n).count()»\nturn()\n"
        "b = «Row.objects.filter(n=n).count()»",
    ),
    "in a generator": ("count", f"a = {COUNT}\nyield a\nb = {COUNT}"),
    "answer that is changed": ("get", f"a = {GET}\na.tags.pop()\nb = {GET}"),
    "answer that is reloaded": ("get", f"a = {GET}\na.refresh_from_db()\nb = {GET}"),
    "lock in between": ("count", f"a = {COUNT}\nwith transaction.atomic():\n    b = {COUNT}"),
    "early return": ("count", f"if rows:\n    return {COUNT}\nreturn {COUNT}"),
}


@pytest.mark.parametrize("case", ASKED)
def test_it_is_still_asked_again(bench, case):
    kind, text = ASKED[case]
    lines = "".join(f"    {line}\n" for line in text.split("\n"))
    bench.write(f"{HEAD}\ndef f(rows):\n{lines}")
    load = bench.load("customer", kind=kind, model="shop.Row", uses=tuple(bench.sites))
    inner = msgspec.structs.replace(load.load, relation="", parent="", origin=None)
    again = msgspec.structs.replace(load, load=inner, relation_path=())
    found = bench.patches(local_variable, again, id="duplicate-query")
    assert [bench.apply(one) for one in found] == []
