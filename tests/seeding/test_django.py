"""A Django application on SQLite: what is made for it passes its own validation."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from unslow.lab.seeding import Amount, models_of, seed_application
from unslow.lab.target import Target
from unslow.progress import Silent

SETTINGS = """
from pathlib import Path
SECRET_KEY = "x"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "urls"
WSGI_APPLICATION = "wsgi.application"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "things"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(__file__).with_name("db.sqlite3"),
    }
}
"""
MODELS = """
import uuid
from django.core import validators as v
from django.db import models

class Kind(models.Model):
    code = models.SlugField(max_length=10, unique=True)

class Thing(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    kind = models.ForeignKey(Kind, models.CASCADE)
    parent = models.ForeignKey("self", models.CASCADE, null=True, blank=True)
    others = models.ManyToManyField("self", blank=True)
    owner = models.ForeignKey("auth.User", models.CASCADE)
    size = models.CharField(max_length=2, choices=[("S", "small"), ("L", "large")])
    stars = models.PositiveSmallIntegerField(
        validators=[v.MinValueValidator(1), v.MaxValueValidator(5)]
    )
    price = models.DecimalField(max_digits=4, decimal_places=2)
    plate = models.CharField(max_length=9, validators=[v.RegexValidator(r"^[A-Z]{2}-[0-9]{3}$")])
    title = models.CharField(max_length=30, validators=[v.MinLengthValidator(12)])
    contact = models.EmailField(unique=True)
    site = models.URLField()
    address = models.GenericIPAddressField()
    data = models.JSONField()
    made = models.DateTimeField()
    took = models.DurationField()
    is_active = models.BooleanField()
    starts = models.DateField()
    ends = models.DateField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(ends__gte=models.F("starts")), name="order"),
            models.UniqueConstraint(
                fields=["kind"], condition=models.Q(size="L"), name="one_large_of_a_kind"
            ),
        ]
"""
URLS = """
from django.http import JsonResponse
from django.urls import path
from things.models import Thing
urlpatterns = [path("things/", lambda request: JsonResponse({"count": Thing.objects.count()}))]
"""
WSGI = """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
"""
VALIDATE = """
import json, wsgi
from django.core.exceptions import ValidationError
from things.models import Thing
wrong = []
for thing in Thing.objects.all():
    try:
        thing.full_clean()
    except ValidationError as error:
        wrong.append(error.message_dict)
print(json.dumps({"count": Thing.objects.count(), "wrong": wrong}))
"""
MANAGE = """
import sys, wsgi
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""


def python(folder: Path, *words: str) -> str:
    done = subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "things").mkdir()
    files = {
        "settings.py": SETTINGS,
        "urls.py": URLS,
        "wsgi.py": WSGI,
        "manage.py": MANAGE,
        "things/__init__.py": "",
        "things/models.py": MODELS,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    python(tmp_path, "manage.py", "migrate", "--run-syncdb", "--verbosity", "0")
    return tmp_path


def target(project: Path) -> Target:
    return Target(
        root=project,
        command=("gunicorn", "wsgi:application"),
        python=Path(sys.executable),
        kind="django",
    )


def test_the_models_tell_what_validators_demand(project) -> None:
    models = {model.label: model for model in models_of(target(project), Silent())}
    fields = {field.name: field for field in models["things.Thing"].fields}
    assert (fields["made"].minimum, fields["made"].maximum, fields["made"].pattern) == ("", "", "")
    assert (fields["stars"].minimum, fields["stars"].maximum) == ("1", "5")
    assert fields["price"].maximum == "99"
    assert fields["title"].min_length == 12
    assert fields["plate"].pattern == "^[A-Z]{2}-[0-9]{3}$"


def test_every_object_passes_the_models_own_validation(project, tmp_path) -> None:
    sql = tmp_path / "rows.sql"
    (done,) = seed_application(target(project), Amount(60), sql, Silent())
    rows = {one.table.name: one.rows for one in done.tables}
    assert rows["things_thing"] == rows["things_thing_others"] == rows["auth_user"] == 60
    assert rows["django_migrations"] == rows["django_content_type"] == 0
    with sqlite3.connect(project / "db.sqlite3") as connection:
        assert connection.execute("SELECT count(*) FROM things_thing").fetchone() == (0,)
        connection.executescript(sql.read_text())
    assert json.loads(python(project, "-c", VALIDATE)) == {"count": 60, "wrong": []}
