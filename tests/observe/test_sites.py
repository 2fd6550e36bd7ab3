"""Application code is told from libraries, and its expressions are named to the column."""

import asyncio
import os
import sys
import textwrap

import greenlet
import pytest

from unslow.observe import _sites


@pytest.fixture
def run(tmp_path):
    """Run source as application code; returns its namespace."""
    _sites.configure([str(tmp_path)], [])
    yield lambda source, name="code.py": execute(tmp_path / name, textwrap.dedent(source))
    _sites.configure([], [])


def execute(path, source):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, encoding="utf-8")
    namespace = {"stack": _sites.application_stack, "greenlet": greenlet, "asyncio": asyncio}
    exec(compile(source, str(path), "exec"), namespace)
    return namespace


def expressions(stack):
    def cut(site):
        with open(site["path"], "rb") as file:
            line = file.read().splitlines()[site["line"] - 1]
        return line[site["column"] : site["end_column"]].decode()

    return [cut(site) for site in stack]


def test_libraries_below_a_root_do_not_count(tmp_path):
    _sites.configure([str(tmp_path)], [])
    (tmp_path / "env").mkdir()
    (tmp_path / "env/pyvenv.cfg").touch()
    assert _sites.is_application(str(tmp_path / "shop/views.py"))
    assert not _sites.is_application(str(tmp_path / "lib/site-packages/x.py"))
    assert not _sites.is_application(str(tmp_path / "env/lib/x.py"))
    assert not _sites.is_application(os.__file__)
    assert not _sites.is_application("<string>")
    _sites.configure([], [])


def test_a_named_package_counts_wherever_it_lies(tmp_path, monkeypatch):
    package = tmp_path / "site-packages/shop_package"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(package.parent))
    _sites.configure([], ["shop_package.settings"])
    assert _sites.is_application(str(package / "views.py"))
    assert _sites.packages() == {"shop_package": str(package)}
    _sites.configure([], [])


def test_expressions_are_exact_to_the_byte(run):
    namespace = run(
        """
        def inner(): return stack()
        def outer(): return [("ü", inner()) for _ in range(1)][0][1]
        """
    )
    stack = namespace["outer"]()
    found = [one for one in expressions(stack) if "<" not in one]
    assert found[0] == "stack()"
    assert found[1] == "inner()"
    assert stack[0]["function"] == "inner"


def test_a_symbolic_link_is_the_same_application(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    _sites.configure([str(tmp_path / "link")], [])
    assert _sites.is_application(str(tmp_path / "real/code.py"))
    assert _sites.is_application(str(tmp_path / "link/code.py"))
    _sites.configure([], [])


def test_stacks_go_on_in_the_parent_of_a_greenlet(run):
    namespace = run(
        """
        def inside(): return stack()
        def outside(): return greenlet.greenlet(inside).switch()
        """
    )
    assert [site["function"] for site in namespace["outside"]()] == ["inside", "outside"]


def test_stacks_end_at_a_floor(run):
    library = {}
    exec("def serve(application): return application()", library)
    namespace = run(
        """
        def top(): return stack()
        def main(serve): return serve(top)
        """
    )
    functions = [site["function"] for site in namespace["main"](library["serve"])]
    assert functions == ["top", "main"]
    _sites.floor(library["serve"])
    assert [site["function"] for site in namespace["main"](library["serve"])] == ["top"]


def test_recursion_is_cut(run):
    namespace = run("def f(n): return f(n - 1) if n else stack(limit=5)")
    assert len(namespace["f"](50)) == 5


def test_the_own_frames_of_the_recorder_are_no_application(run, tmp_path):
    _sites.configure([os.path.dirname(_sites.__file__), str(tmp_path)], [])
    assert not _sites.is_application(_sites.__file__)
    assert _sites.application_stack(frame=sys._getframe()) == []
