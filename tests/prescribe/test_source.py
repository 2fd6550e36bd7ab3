"""Which files of the application the fixers look through."""

from unslow.lab.prescribe import Source
from unslow.model import Model, Site


def packages(folder):
    for name in ("shop/models.py", "shop/api/views.py", "django/models.py", "shop/venv/old.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"# {name}\nclass Order: ...\n")
    order = Model("shop.Order", "shop.models", "Order", "django", "orders",
                  site=Site("shop/models.py", 2, 2, 0, 5, ""))  # fmt: skip
    return Source([folder], [order])


def test_foreign_packages_beside_the_application_are_not_looked_through(tmp_path):
    source = packages(tmp_path / "site-packages")
    assert list(source.files("**/*.py")) == ["shop/api/views.py", "shop/models.py"]
    assert list(source.files("*/models.py")) == ["shop/models.py"]


def test_every_package_of_a_root_of_its_own_is_looked_through(tmp_path):
    source = packages(tmp_path / "src")
    assert list(source.files("**/models.py")) == ["django/models.py", "shop/models.py"]


def test_a_text_is_found_in_the_files_that_mention_it(tmp_path):
    source = packages(tmp_path / "site-packages")
    assert list(source.mentioning(b"api/views")) == ["shop/api/views.py"]
    assert list(source.mentioning(b"class Order")) == ["shop/api/views.py", "shop/models.py"]
    assert list(source.mentioning(b"class Customer")) == []
