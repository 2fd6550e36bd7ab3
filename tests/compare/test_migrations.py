"""A version that brings a migration works on a clone that has it; the other one does not."""

import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.compare.conftest import Shop
from tests.compare.test_comparing import compared
from unslow.lab.compare import prepared, resolve
from unslow.lab.target import Lab, Settings, discover
from unslow.progress import Silent

MANAGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
SETTINGS = """
import os
SECRET_KEY = "x"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "site_urls"
INSTALLED_APPS = ["store"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "store.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
"""
URLS = """
from django.urls import path
from store.views import items
urlpatterns = [path("items", items)]
"""
WSGI = """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
"""
MODELS = """
from django.db import models

class Item(models.Model):
    name = models.CharField(max_length=20)
"""
VIEWS = """
from django.http import JsonResponse
from store.models import Item

def items(request):
    return JsonResponse([item.name for item in Item.objects.order_by("id")], safe=False)
"""
COLUMN = '    shelf = models.CharField(max_length=20, default="top")\n'


@pytest.fixture
def store(shop: Shop) -> Shop:
    """A Django project with one migration, applied, and three rows."""
    (shop.folder / "app.py").unlink()
    files = {
        "manage.py": MANAGE,
        "site_settings.py": SETTINGS,
        "site_urls.py": URLS,
        "wsgi.py": WSGI,
        "store/__init__.py": "",
        "store/models.py": MODELS,
        "store/views.py": VIEWS,
        "store/migrations/__init__.py": "",
    }
    for path, text in files.items():
        shop.write(path, text)
    manage(shop.folder, "makemigrations", "store")
    manage(shop.folder, "migrate")
    fill = "from store.models import Item; [Item.objects.create(name=n) for n in 'abc']"
    manage(shop.folder, "shell", "-c", fill)
    shop.write(".gitignore", "*.sqlite3\n__pycache__/\n")
    shop.commit()
    return shop


def manage(folder: Path, *words: str) -> None:
    subprocess.run((sys.executable, "manage.py", *words), cwd=folder, check=True)


def test_a_model_without_its_migration_breaks_the_candidate(store: Shop) -> None:
    store.write("store/models.py", MODELS + COLUMN)
    found = compared(store.folder)
    assert found.verdict.verdict in ("different", "failed")


def test_the_migration_of_the_candidate_is_run_on_its_clone(store: Shop) -> None:
    store.write("store/models.py", MODELS + COLUMN)
    manage(store.folder, "makemigrations", "store")
    before = (store.folder / "store.sqlite3").read_bytes()
    found = compared(store.folder)
    assert found.verdict.verdict in ("inconclusive", "no-gain"), found.verdict.reason
    assert (store.folder / "store.sqlite3").read_bytes() == before


def test_a_migration_that_fails_is_a_failed_candidate(store: Shop) -> None:
    store.write("store/models.py", MODELS + COLUMN)
    manage(store.folder, "makemigrations", "store")
    (made,) = store.folder.glob("store/migrations/0002*.py")
    made.write_text(made.read_text().replace("operations = [", "operations = [1 / 0,"))
    found = compared(store.folder)
    assert found.verdict.verdict == "failed"
    assert any("ZeroDivisionError" in line for line in found.output)


def test_a_prepared_clone_is_what_both_versions_see(store: Shop) -> None:
    store.change("order_by(", "filter(name='new').order_by(", "store/views.py")
    store.commit()
    store.change("filter(name='new')", "filter(name__in=['new'])", "store/views.py")
    target = discover(None, cwd=store.folder, settings=Settings())
    fill = "from store.models import Item; Item.objects.create(name='new')"
    words = ("python", "manage.py", "shell", "-c", fill)
    versions = prepared(resolve(None, None, target), words)
    with Lab(target, Silent(), versions.base.patch) as lab:
        for tree in (lab.tree(), lab.tree([versions.candidate.patch])):
            running = lab.launch(tree, "A")
            with urllib.request.urlopen(f"{running.base_url}/items") as answer:
                assert answer.read() == b'["new"]'
