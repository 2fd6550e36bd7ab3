import pytest
from msgspec.structs import replace

from tests.builders import site, trace
from tests.negatives.cases import cases, found_in
from unslow.model import Import

PATH = "shop/views.py"
SOURCES = {
    "the base of a class": "import lib\n\n\nclass A(lib.Base):\n    pass\n",
    "a decorator": "import lib\n\n\n@lib.task\ndef f():\n    pass\n",
    "a decorator of a method": "import lib\n\n\nclass A:\n    @lib.task\n    def f(self): ...\n",
    "a default": "import lib\n\n\ndef f(a=lib.NOW):\n    return a\n",
    "an annotation": "import lib\n\n\ndef f(a: lib.Row):\n    return lib.use(a)\n",
    "what a function returns": "import lib\n\n\ndef f() -> lib.Row:\n    return lib.use()\n",
    "a constant of the module": "import lib\n\nCLIENT = lib.Client()\n",
    "a field of a class": "import lib\n\n\nclass A:\n    x = lib.Field()\n",
    "a name for others to import": "import lib\n",
    "a name that is exported": 'import lib\n\n__all__ = ["lib"]\n\n\ndef f():\n    lib.use()\n',
    "every name": "from lib import *\n\n\ndef f():\n    use()\n",
    "a test of the version": "import lib\n\nif lib.VERSION > 2:\n    X = 1\n",
    "an import within a function": "def f():\n    import lib\n    lib.use()\n",
}


def seen(ms: float = 900.0, line: int = 1):
    return replace(trace(), imports=(Import("lib", ms, site(f"{PATH}:{line}:0 <module>")),))


@pytest.mark.parametrize("text", cases(SOURCES))
def test_silent(text):
    assert found_in(seen(), {PATH: text}) == []


def test_silent_for_an_import_that_is_quick():
    assert found_in(seen(ms=290.0), {PATH: "import lib\n\n\ndef f():\n    lib.use()\n"}) == []


LAZY = "import lib\n\n\ndef f():\n    lib.use()\n"


def test_silent_when_another_library_needs_it_anyway():
    made = seen()
    shared = tuple(replace(one, is_shared=True) for one in made.imports)
    assert found_in(replace(made, imports=shared), {PATH: LAZY}) == []


def test_silent_when_another_module_needs_it_at_once():
    made = seen()
    others = (site("shop/models.py:1:0 <module>"),)
    needed = tuple(replace(one, others=others) for one in made.imports)
    sources = {PATH: LAZY, "shop/models.py": "import lib\n\nBASE = lib.Base()\n"}
    assert found_in(replace(made, imports=needed), sources) == []


def test_the_slow_form_fires():
    [found] = found_in(seen(), {PATH: "import lib\n\n\ndef f():\n    lib.use()\n"})
    assert found.id == "slow-import"
