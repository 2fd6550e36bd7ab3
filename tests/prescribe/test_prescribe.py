import pytest
from msgspec.structs import replace

from unslow.lab.prescribe import Source, fixers, prescribe
from unslow.lab.prescribe._imports import Imports
from unslow.model import Patch, Recommendation, Site


def test_nothing_is_prescribed_for_an_unknown_detector(bench):
    bench.write("x = «Order.objects.all()»\n")
    finding = bench.finding(bench.load("customer"), id="another-thing")
    assert prescribe(finding, bench.source) == []


def test_nothing_is_prescribed_without_loads(bench):
    bench.write("x = «Order.objects.all()»\n")
    assert prescribe(bench.finding(), bench.source) == []


def test_patches_come_before_recommendations(bench):
    bench.write("x = «Order.objects.all()»\n")
    loads = [bench.load("items", plain=False), bench.load("customer"), bench.load("note_set")]
    kinds = [type(advice) for advice in prescribe(bench.finding(*loads), bench.source)]
    assert kinds == [Patch, Patch, Recommendation]


def test_every_fixer_says_what_it_answers():
    for name, fixer in fixers().items():
        assert fixer.DETECTORS, name
        assert callable(fixer.fix)
        assert not name.startswith("_")


def test_the_source_reads_from_the_first_root_that_has_the_file(tmp_path):
    for root in ("a", "b"):
        (tmp_path / root).mkdir()
        (tmp_path / root / "both.py").write_text(root)
    (tmp_path / "b/one.py").write_text("1")
    (tmp_path / "b/.venv").mkdir()
    (tmp_path / "b/.venv/x.py").write_text("1")
    source = Source([tmp_path / "a", tmp_path / "b"])
    assert source.read("both.py") == b"a"
    assert source.read("one.py") == b"1"
    assert list(source.files("**/*.py")) == ["both.py", "one.py"]
    assert not source.exists("none.py")
    with pytest.raises(FileNotFoundError):
        source.read("none.py")


@pytest.mark.parametrize("content", [b"def (:\n", "x = 'é'".encode("latin-1")])
def test_a_file_that_does_not_parse_is_no_module(bench, content):
    (bench.root / "broken.py").write_bytes(content)
    assert bench.source.module("broken.py") is None


def test_a_site_beyond_the_file_has_no_expression(bench):
    bench.write("x = «1»\n")
    module = bench.source.module("shop/views.py")
    assert module.at(Site("shop/views.py", 90, 90, 0, 1, "f")) is None


def test_a_site_finds_the_expression_by_bytes(bench):
    bench.write("x = 'é', «Order.objects»\n")
    module = bench.source.module("shop/views.py")
    assert module.text(module.at(bench.sites[0])) == "Order.objects"


@pytest.mark.parametrize("orm", ["django", "sqlalchemy"])
def test_rows_of_unknown_origin_get_a_recommendation(bench, orm):
    bench.write("x = «load()»\n")
    bench.orm = orm
    load = bench.load("customer")
    load = replace(load, load=replace(load.load, origin=None))
    (advice,) = prescribe(bench.finding(load), bench.source)
    assert advice.summary == "Load customer together with its shop.Order"


@pytest.mark.parametrize(("kind", "plain"), [("aggregate", True), ("get", False)])
def test_one_value_of_many_rows_gets_a_recommendation(bench, kind, plain):
    bench.write("x = «Order.objects.all()»\n")
    (advice,) = prescribe(bench.finding(bench.load("items", kind=kind, plain=plain)), bench.source)
    assert "Subquery" in advice.summary


@pytest.mark.parametrize(
    ("head", "after"),
    [
        (
            "import json\nimport zlib\n\nfrom django.db import models\n",
            "import json\nimport zlib\nfrom collections import defaultdict\n\nfrom django",
        ),
        (
            "from django.db import router\n\nfrom accounts.models import User\n",
            "from django.db import router\nfrom django.db.models import Count\n\nfrom accounts",
        ),
        (
            "from django.db import models\n\nfrom accounts.models import User\n",
            "from accounts.models import User\nfrom sales.models import Item\n",
        ),
        (
            '"""Text."""\n\nfrom __future__ import annotations\n\nfrom typing import Any\n',
            "annotations\n\nfrom collections import defaultdict\nfrom typing import Any\n",
        ),
    ],
    ids=["after plain ones", "third party", "sibling application", "future"],
)
def test_a_new_import_stands_in_its_block(bench, head, after):
    for app in ("accounts", "sales"):
        (bench.root / app).mkdir()
        (bench.root / app / "__init__.py").touch()
    bench.write(f"{head}\n\nx = 1\n")
    wanted = {"defaultdict": "collections", "Count": "django.db.models", "Item": "sales.models"}
    (name,) = (name for name in wanted if f"import {name}\n" in after)
    imports = Imports(bench.source.module("shop/views.py"))
    imports.name(wanted[name], name)
    patch = Patch("f", "", "safe", tuple(imports.edits()))
    assert after in bench.apply(patch)["shop/views.py"]
