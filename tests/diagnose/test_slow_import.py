import pytest
from msgspec.structs import replace

from tests.builders import site, trace
from unslow.lab.diagnose.slow_import import find_in_source
from unslow.model import Import

TOP = "import pandas\n\n\ndef export(rows):\n    return pandas.DataFrame(rows)\n"


def found(text, ms=400.0, module="pandas", line=1, place=True):
    where = site(f"shop/views.py:{line}:0 <module>") if place else None
    seen = replace(trace(), imports=(Import(module, ms, where),))
    return list(find_in_source(seen, lambda path: text.encode()))


def test_silent_without_imports():
    assert list(find_in_source(trace(), lambda path: b"")) == []


@pytest.mark.parametrize(
    "text",
    [
        "import pandas\n\n\nclass Frame(pandas.DataFrame):\n    pass\n",
        "import pandas\n\nEMPTY = pandas.DataFrame()\n",
        "import pandas\n\n\n@pandas.api\ndef f():\n    return pandas\n",
        "import pandas\n\n\ndef f(rows=pandas.NA):\n    return pandas\n",
        "import pandas\n\n\ndef f(rows: pandas.DataFrame):\n    return pandas\n",
        "import pandas\n\n\ndef f() -> pandas.DataFrame:\n    return pandas.DataFrame()\n",
        "import pandas\n\n\nclass A:\n    kind = pandas.DataFrame\n",
        "import pandas\n",
        'import pandas\n\n__all__ = ["pandas"]\n\n\ndef f():\n    return pandas\n',
        "from pandas import *\n\n\ndef f():\n    return DataFrame()\n",
        "if DEBUG: import pandas\n",
        "def f(:\n",
    ],
)
def test_silent_when_the_module_needs_it_or_nobody_knows(text):
    assert found(text) == []


def test_silent_for_a_quick_import():
    assert found(TOP, ms=290.0) == []


def test_silent_without_a_place_or_a_source():
    assert found(TOP, place=False) == []
    seen = replace(trace(), imports=(Import("pandas", 400.0, site("gone.py:1")),))

    def missing(path):
        raise FileNotFoundError(path)

    assert list(find_in_source(seen, missing)) == []


@pytest.mark.parametrize(
    "text",
    [
        TOP,
        "from pandas import DataFrame\n\n\ndef f(rows):\n    return DataFrame(rows)\n",
        "import pandas.core as core\n\n\nclass V:\n    def get(self):\n        return core.x\n",
        "import pandas\n\n\ndef f():\n    return pandas\n\n\ng = lambda: pandas.NA\n",
    ],
)
def test_fires_when_functions_alone_use_it(text):
    [one] = found(text)
    assert one.title == (
        "Importing pandas takes 400 ms of every start (shop/views.py:1 in <module>)"
    )
    assert (one.severity, one.evidence.module, one.evidence.ms) == ("low", "pandas", 400.0)


def test_a_second_weighs_more():
    assert found(TOP, ms=1200.0)[0].severity == "medium"
