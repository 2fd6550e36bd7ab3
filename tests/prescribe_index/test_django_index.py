import subprocess
import sys
from textwrap import dedent

import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.prescribe_index.writing import field, finding, model, patched, patches, reasons
from unslow.lab.patching import apply
from unslow.lab.prescribe import Source
from unslow.lab.prescribe.django_index import fix
from unslow.model import Patch

HEAD = """\
from django.db import models


"""
ORDER = """\
class Order(models.Model):
    number = models.CharField(max_length=20)
    status = models.CharField(max_length=12, default="pending")
    customer = models.ForeignKey("self", on_delete=models.CASCADE, null=True)
    created_at = models.DateTimeField()
    archived = models.BooleanField(default=False)
"""
INITIAL = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = []
"""
FIELDS = (
    field("number"),
    field("status"),
    field("customer", "customer_id", "ForeignKey"),
    field("created_at"),
    field("archived"),
)


@pytest.fixture
def project(tmp_path):
    """The fixer's output and the source for a module of models."""

    def make(models, one, migrations=(("0001_initial", INITIAL),), **files):
        (tmp_path / "shop/migrations").mkdir(parents=True, exist_ok=True)
        text = HEAD + dedent(models)
        (tmp_path / "shop/models.py").write_text(text)
        (tmp_path / "shop/views.py").write_text("")
        for name, content in migrations:
            (tmp_path / f"shop/migrations/{name}.py").write_text(content)
        for name, content in files.items():
            (tmp_path / f"{name}.py").write_text(dedent(content))
        known = model("shop.Order", "django", text, "shop/models.py", "shop_order", *FIELDS)
        source = Source([tmp_path], [known])
        return list(fix(one, source)), source

    return make


@pytest.fixture
def rewritten(project):
    """The models after the first candidate, without the imports."""

    def make(models, one):
        written, source = project(models, one)
        text = apply(patches(written)[:1], source.read)["shop/models.py"].decode()
        compile(text, "models.py", "exec")
        return text.removeprefix(HEAD)

    return make


def test_nothing_for_a_table_without_a_model(project):
    assert project(ORDER, finding("status", model=""))[0] == []


def test_nothing_when_the_index_is_there(project, tmp_path):
    one = finding("status")
    written, source = project(ORDER, one)
    patched(patches(written)[:1], source, tmp_path)
    assert list(fix(one, Source([tmp_path], source.models))) == []


@pytest.mark.parametrize(
    ("reason", "models"),
    [
        ("does not manage", ORDER + "\n    class Meta:\n        managed = False\n"),
        ("computed", ORDER + "\n    class Meta:\n        indexes = make()\n"),
        ("computed", ORDER + "\n    class Meta:\n        indexes = []\n        indexes += []\n"),
        ("hide", ORDER.replace("models.Model", "LibraryModel")),
        ("inherits from", ORDER + "\n    class Meta(LibraryModel.Meta):\n        pass\n"),
        ("one line", ORDER + "\n    class Meta: ordering = ['id']\n"),
        (
            "hide",
            "class Base(models.Model):\n    class Meta:\n        abstract = True\n"
            "        indexes = []\n\n\n" + ORDER.replace("models.Model", "Base"),
        ),
    ],
)
def test_advice_instead_of_a_patch(project, reason, models):
    written, _ = project(models, finding("status"))
    assert patches(written) == []
    assert reason in reasons(written)[0]


@pytest.mark.parametrize(
    "migrations",
    [
        (),
        (("0001_initial", INITIAL), ("0001_other", INITIAL)),
    ],
    ids=["none", "two leaves"],
)
def test_advice_without_a_single_newest_migration(project, migrations):
    written, _ = project(ORDER, finding("status"), migrations)
    assert "migrations" in reasons(written)[0]


def test_advice_for_an_inherited_column(project):
    written, _ = project(ORDER, finding("elsewhere"))
    assert "inherits" in reasons(written)[0]


def test_a_meta_is_made_after_the_fields(rewritten):
    methods = "\n    def __str__(self):\n        return self.number\n"
    assert rewritten(ORDER + methods, finding("status")) == (
        ORDER
        + """
    class Meta:
        indexes = [
            models.Index(fields=["status"], name="order_status_idx"),
        ]
"""
        + methods
    )


def test_a_meta_of_an_abstract_base_is_kept(rewritten):
    base = "class Base(models.Model):\n    class Meta:\n        abstract = True\n\n\n"
    after = rewritten(base + ORDER.replace("models.Model", "Base"), finding("status"))
    assert "    class Meta(Base.Meta):\n        indexes = [\n" in after


def test_a_base_in_another_file_is_read(project):
    base = """
        from django.db import models

        class Base(models.Model):
            class Meta:
                abstract = True
                ordering = ["id"]
    """
    written, source = project(ORDER.replace("models.Model", "Base"), finding("status"), base=base)
    assert b"class Meta(Base.Meta):" in apply(patches(written), source.read)["shop/models.py"]


def test_indexes_join_an_existing_meta(rewritten):
    meta = '\n    class Meta:\n        ordering = ["id"]  # stable\n'
    after = rewritten(ORDER + meta + "\n    x = 1\n", finding("status"))
    assert after == ORDER + meta + (
        "        indexes = [\n"
        '            models.Index(fields=["status"], name="order_status_idx"),\n'
        "        ]\n"
        "\n    x = 1\n"
    )


NEW = 'models.Index(fields=["status"], name="order_status_idx")'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[A]", f"[A, {NEW}]"),
        ("[A,]", f"[A, {NEW},]"),
        ("(A, B)", f"(A, B, {NEW})"),
        ("[]", f"[\n            {NEW},\n        ]"),
        (
            "Base.Meta.indexes + [A]",
            f"Base.Meta.indexes + [\n            A,\n            {NEW},\n        ]",
        ),
        ("[\n            A,\n        ]", f"[\n            A,\n            {NEW},\n        ]"),
        ("[\n            A\n        ]", f"[\n            A,\n            {NEW}\n        ]"),
        (
            "[\n            A,  # the first\n            # more to come\n        ]",
            f"[\n            A,  # the first\n            {NEW},\n"
            "            # more to come\n        ]",
        ),
    ],
)
def test_an_index_joins_a_list(rewritten, before, after):
    models = ORDER + "\n    class Meta:\n        indexes = {}\n"
    assert rewritten(models.format(before), finding("status")) == models.format(after)


def test_columns_become_fields_with_their_direction(rewritten):
    one = finding("customer_id", order=("-created_at", "number"))
    assert 'fields=["customer", "-created_at", "number"]' in rewritten(ORDER, one)


def test_a_composite_index_has_a_plain_rival(project):
    written, _ = project(ORDER, finding("status", order=("-created_at",)))
    assert [patch.sql for patch in patches(written)] == [
        (
            'CREATE INDEX IF NOT EXISTS "order_status_created_at_idx" ON "shop_order" '
            '("status", "created_at" DESC)',
        ),
        ('CREATE INDEX IF NOT EXISTS "order_status_idx" ON "shop_order" ("status")',),
    ]
    assert all(patch.covers == (0,) for patch in patches(written))


@pytest.mark.parametrize(
    ("detector", "equality", "order", "rivals"),
    [
        ("unindexed-filter", ["status"], [], ['("status")']),
        ("unindexed-filter", ["status", "number"], [], ['("status", "number")', '("status")']),
        ("unindexed-filter", ["status"], ["number"], ['("status", "number")', '("status")']),
        ("unindexed-sort", [], ["-number"], ['("number" DESC)']),
        ("unindexed-sort", ["status"], ["number"], ['("status", "number")', '("number")']),
    ],
)
def test_a_smaller_index_is_a_rival_where_it_may_do(project, detector, equality, order, rivals):
    one = finding(*equality, order=tuple(order), detector=detector)
    written, _ = project(ORDER, one)
    assert [patch.sql[0].partition('"shop_order" ')[2] for patch in patches(written)] == rivals


def test_a_constant_of_the_code_makes_a_partial_rival(project):
    one = finding("status", order=("created_at",), predicate="status = 'pending'")
    written, source = project(ORDER, one)
    assert [patch.sql[0].partition(" ON ")[2] for patch in patches(written)] == [
        '"shop_order" ("created_at") WHERE "status" = \'pending\'',
        '"shop_order" ("status", "created_at")',
    ]
    text = apply(patches(written)[:1], source.read)["shop/models.py"].decode()
    assert 'condition=models.Q(status="pending")' in text


def test_a_value_that_the_code_does_not_name_makes_no_partial_index(project):
    written, _ = project(ORDER, finding("status", predicate="status = 'acme'"))
    assert not any("WHERE" in sql for patch in patches(written) for sql in patch.sql)


def test_tests_without_a_value_become_lookups(project):
    predicate = "NOT archived AND customer_id IS NULL"
    written, source = project(ORDER, finding("archived", "customer_id", predicate=predicate))
    text = apply(patches(written)[:1], source.read)["shop/models.py"].decode()
    assert "condition=models.Q(archived=False, customer__isnull=True)" in text
    assert 'fields=["archived"]' in text


def test_a_function_of_a_column_becomes_an_expression(project):
    written, source = project(ORDER, finding("upper(number)"))
    [patch] = patches(written)
    assert patch.sql[0].endswith('"order_upper_number_idx" ON "shop_order" (upper("number"))')
    text = apply([patch], source.read)["shop/models.py"].decode()
    assert "from django.db.models.functions import Upper\n" in text
    assert 'models.Index(Upper("number"), name="order_upper_number_idx")' in text
    [migration] = patch.files
    assert "from django.db.models.functions import Upper\n" in migration.text
    assert 'models.Index(Upper("number"), name="order_upper_number_idx")' in migration.text


def test_a_covering_index_is_a_rival(project):
    written, source = project(ORDER, finding("status", included=("created_at", "customer_id")))
    assert [patch.sql[0].partition('"shop_order" ')[2] for patch in patches(written)] == [
        '("status")',
        '("status") INCLUDE ("created_at", "customer_id")',
    ]
    text = apply(patches(written)[1:], source.read)["shop/models.py"].decode()
    assert 'include=["created_at", "customer"]' in text


def test_no_order_follows_a_function(project):
    written, _ = project(ORDER, finding("lower(number)", order=("-created_at",)))
    assert [patch.sql[0].partition('"shop_order" ')[2] for patch in patches(written)] == [
        '(lower("number"))'
    ]


def test_missing_imports_are_added(project):
    _, source = project(ORDER, finding("status"))
    head = "from django.db.models import CharField, Model\n\n\n"
    models = head + "class Order(Model):\n    status = CharField(max_length=9)\n"
    source.locate("shop/models.py").write_text(models)
    known = [model("shop.Order", "django", models, "shop/models.py", "t", *FIELDS)]
    written = list(fix(finding("status"), Source(source.roots, known)))
    text = apply(patches(written), source.read)["shop/models.py"].decode()
    assert "from django.db.models import CharField, Index, Model\n" in text
    assert '            Index(fields=["status"]' in text


def test_a_name_is_short_and_tells_what_the_index_is(project):
    def names(*columns, **more):
        written, _ = project(ORDER, finding(*columns, **more))
        return {patch.sql[0].split('"')[1] for patch in patches(written)}

    columns = ("customer_id", "status", "created_at")
    whole = names(*columns)
    assert whole & names(*columns[:2], order=("created_at",))
    assert names(*columns[:2], order=("-created_at",)) - whole
    assert names(*columns, predicate="NOT archived") - whole
    assert all(len(name) <= 30 for name in whole)


def test_the_migration_follows_the_newest_one(project):
    second = INITIAL.replace("dependencies = []", 'dependencies = [("shop", "0001_initial")]')
    squashed = INITIAL.replace(
        "initial = True", 'replaces = [("shop", "0001_initial"), ("shop", "0002_b")]'
    )
    migrations = (("0001_initial", INITIAL), ("0002_b", second), ("0001_squashed", squashed))
    [patch] = patches(project(ORDER, finding("status"), migrations)[0])
    [file] = patch.files
    assert file.path == "shop/migrations/0003_order_status_idx.py"
    assert (file.revision, file.follows) == ("0003_order_status_idx", "0001_squashed")
    assert file.text == (
        "from django.db import migrations, models\n"
        "\n\n"
        "class Migration(migrations.Migration):\n"
        '    dependencies = [("shop", "0001_squashed")]\n'
        "\n"
        "    operations = [\n"
        "        migrations.AddIndex(\n"
        '            model_name="order",\n'
        '            index=models.Index(fields=["status"], name="order_status_idx"),\n'
        "        ),\n"
        "    ]\n"
    )


@pytest.mark.parametrize(
    "meta",
    [
        "",
        "\n    class Meta:\n        ordering = ['id']\n",
        "\n    class Meta:\n        indexes = []\n",
    ],
    ids=["no Meta", "a Meta", "an empty list"],
)
def test_two_indexes_of_one_model_compose(project, meta):
    both: list[Patch] = []
    for one in (finding("status"), finding("number")):
        written, source = project(ORDER + meta, one)
        both += patches(written)
    text = apply(both, source.read)["shop/models.py"].decode()
    compile(text, "models.py", "exec")
    assert text.count("indexes = [") == 1
    assert text.count("class Meta") == 1
    assert 'name="order_status_idx"' in text
    assert 'name="order_number_idx"' in text


SETTINGS = """\
SECRET_KEY = "x"
INSTALLED_APPS = ["shop"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.postgresql", "NAME": "{name}",
    "USER": "postgres", "HOST": "127.0.0.1", "PORT": "{port}"}}}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""


def test_django_runs_the_migration_and_sees_no_other_change(project, tmp_path, postgres):
    dsn = conninfo_to_dict(postgres.create("django_index"))
    (tmp_path / "settings.py").write_text(SETTINGS.format(name=dsn["dbname"], port=dsn["port"]))
    one = finding("status", order=("-created_at", "id"), predicate="status = 'pending'")
    known = (*FIELDS, field("id"))
    project(ORDER, one, ())
    for package in ("shop", "shop/migrations"):
        (tmp_path / package / "__init__.py").write_text("")
    django(tmp_path, "makemigrations", "shop")
    models = (tmp_path / "shop/models.py").read_text()
    described = model("shop.Order", "django", models, "shop/models.py", "shop_order", *known)
    source = Source([tmp_path], [described])
    [partial, _] = patches(list(fix(one, source)))
    [other] = patches(list(fix(finding("number"), source)))
    [folded] = patches(list(fix(finding("upper(number)"), source)))
    [_, covering] = patches(list(fix(finding("customer_id", included=("archived",)), source)))
    patched([partial, other, folded, covering], source, tmp_path)
    django(tmp_path, "makemigrations", "--check", "--dry-run")
    django(tmp_path, "migrate")
    [name] = [file.revision for file in partial.files]
    shown = django(tmp_path, "sqlmigrate", "shop", name)
    assert f"{partial.sql[0]};".replace("IF NOT EXISTS ", "") in shown


def django(root, *command):
    environment = {"DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": str(root)}
    run = subprocess.run(
        [sys.executable, "-m", "django", *command],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout
