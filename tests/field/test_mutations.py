"""Eager loads are found in foreign source, cut out of it, and switched off in a run."""

import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.field import _mutations as mutations
from benchmarks.field._screening import Answer, switches
from benchmarks.field.mutants import is_cause

from unslow.model import Site


def mutated(folder: Path, source: str) -> list[str]:
    """The source without each of its eager loads in turn."""
    package = folder / "app"
    package.mkdir(exist_ok=True)
    (package / "views.py").write_text(source)
    found = mutations.instrument(package)
    compile((package / "views.py").read_text(), "views.py", "exec")
    return [one.cut(source.encode()).decode() for one in found]


@pytest.mark.parametrize(
    "source",
    [
        "x = rows.filter(a=1)\n",
        "x = rows.select_related()\n",
        "x = select(A).options(defer(A.b))\n",
        "x = joinedload(A.b)\n",
        "x = rows.options(*found(joinedload(A.b)))\n",
    ],
)
def test_nothing_to_take_out(tmp_path: Path, source: str) -> None:
    assert mutated(tmp_path, source) == []


@pytest.mark.parametrize(
    ("source", "cut"),
    [
        ('x = rows.select_related("a").all()\n', ["x = rows.all()\n"]),
        (
            'x = (\n    rows  # these\n    .prefetch_related("a", "b")\n    .all()\n)\n',
            ["x = (\n    rows\n    .all()\n)\n"],
        ),
        ('x = (a | b).select_related("c")\n', ["x = (a | b)\n"]),
        (
            'x = rows.prefetch_related(Prefetch("a", A.select_related("b")))\n',
            ['x = rows.prefetch_related(Prefetch("a", A))\n', "x = rows\n"],
        ),
        ('x = A.objects.select_related("b")\n', ["x = A.objects.all()\n"]),
        ("x = s.options(joinedload(A.b)).all()\n", ["x = s.all()\n"]),
        (
            "x = s.options(joinedload(A.b), defer(A.c), orm.selectinload(A.d).joinedload(D.e))\n",
            [
                "x = s.options(defer(A.c), orm.selectinload(A.d).joinedload(D.e))\n",
                "x = s.options(joinedload(A.b), defer(A.c))\n",
            ],
        ),
    ],
)
def test_each_eager_load_is_taken_out_alone(tmp_path: Path, source: str, cut: list[str]) -> None:
    assert [text.replace("  # these", "") for text in mutated(tmp_path, source)] == cut


def test_a_switch_leaves_out_one_eager_load_and_tells_which_were_reached(tmp_path: Path) -> None:
    source = (
        '"""Text."""\nfrom __future__ import annotations\n'
        "class Rows:\n"
        "    def select_related(self, *names):\n        return names\n"
        "    def prefetch_related(self, *names):\n        return names\n"
        'print(type(Rows().select_related("a")).__name__)\n'
        'print(type(Rows().prefetch_related("a")).__name__)\n'
    )
    assert len(mutated(tmp_path, source)) == 2
    steered = switches(tmp_path)
    steered.turn_off(2)
    done = subprocess.run(
        [sys.executable, "-c", "import app.views"],
        cwd=tmp_path,
        env=steered.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["tuple", "Rows"]
    assert steered.ran() == {1, 2}
    assert steered.ran() == frozenset()


TWO = (
    "def first():\n    return rows.select_related(\n        'a',\n    )\n\n\n"
    "def second():\n    return rows.prefetch_related('b')\n"
)


@pytest.mark.parametrize(
    ("cause", "exact"),
    [
        (Site("app/views.py", 6, 6, 11, 15, "second"), True),
        (Site("app/views.py", 5, 5, 0, 4, "second"), True),  # another step of the same rows
        (Site("app/views.py", 2, 2, 11, 15, "first"), False),
        (Site("app/other.py", 6, 6, 11, 15, "other"), False),
        (None, False),
    ],
)
def test_a_cause_is_looked_for_where_the_lines_are_after_all_cuts(
    tmp_path: Path, cause: Site | None, exact: bool
) -> None:
    original = tmp_path / "app"
    original.mkdir()
    (original / "views.py").write_text(TWO)
    copy = tmp_path / "mutable" / "app"
    copy.mkdir(parents=True)
    (copy / "views.py").write_text(TWO)
    cuts = mutations.instrument(copy)
    assert is_cause(cause, cuts[1], cuts, tmp_path) is exact


def test_answers_agree_when_only_what_is_drawn_anew_differs() -> None:
    def page(token: str, port: int, rows: int) -> Answer:
        text = f'<input name="csrfmiddlewaretoken" value="{token}">{rows}'
        return Answer(200, f'{text}"next": "http://127.0.0.1:{port}/?page=2"'.encode(), 9)

    assert page("a1b2", 5001, 7).agrees(page("c3d4", 6002, 7))
    assert not page("a1b2", 5001, 7).agrees(page("a1b2", 5001, 8))
