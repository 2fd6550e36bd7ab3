import subprocess
import sys

import psycopg
import pytest

from tests.prescribe_index.writing import field, finding, model, patched, patches, reasons, trace
from unslow.lab.patching import apply
from unslow.lab.prescribe import Source
from unslow.lab.prescribe.sqlalchemy_index import fix
from unslow.model import Table

HEAD = """\
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


"""
ORDER = """\
class Order(Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(String(12), default="pending")
    customer_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    total: Mapped[int]
"""
FIELDS = tuple(map(field, ("id", "status", "customer_id", "total")))
REVISION = """\
import sqlalchemy as sa
from alembic import op

revision: str = "{name}"
down_revision: str | None = {before}


def upgrade() -> None:
    {upgrade}


def downgrade() -> None:
    pass
"""
ENV = """\
from alembic import context
from sqlalchemy import create_engine, pool
import models

engine = create_engine({url!r}, poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=models.Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
"""


def on(*columns, **more):
    return finding(*columns, model="models.Order", table="orders", **more)


@pytest.fixture
def project(tmp_path):
    """The fixer's output and the source for a module of models."""

    def make(models, one, revisions=None, head=HEAD, schema=""):
        text = head + models
        (tmp_path / "models.py").write_text(text)
        for name, before in (revisions or {}).items():
            versions = tmp_path / "alembic/versions"
            versions.mkdir(parents=True, exist_ok=True)
            (tmp_path / "alembic/env.py").write_text("from alembic import context\n")
            content = REVISION.format(name=name, before=repr(before), upgrade="pass")
            (versions / f"{name}_x.py").write_text(content)
        known = model("models.Order", "sqlalchemy", text, "models.py", "orders", *FIELDS)
        tables = trace(Table("orders", schema)) if schema else None
        source = Source([tmp_path], [known], tables)
        return list(fix(one, source)), source

    return make


@pytest.fixture
def rewritten(project):
    """The model after the first candidate, without what is above it."""

    def make(models, one):
        written, source = project(models, one)
        text = apply(patches(written)[:1], source.read)["models.py"].decode()
        compile(text, "models.py", "exec")
        return text[text.index("class Order") :]

    return make


def test_nothing_for_another_model(project):
    assert project(ORDER, finding("status", model="shop.Order"))[0] == []


def test_nothing_when_the_index_is_there(project, tmp_path):
    written, source = project(ORDER, on("status"))
    patched(patches(written)[:1], source, tmp_path)
    assert list(fix(on("status"), Source([tmp_path], source.models))) == []


def test_a_covering_index_is_a_rival(project):
    written, source = project(ORDER, on("status", included=("total",)), {"a1": None})
    [_, patch] = patches(written)
    assert patch.sql[0].endswith('ON "orders" ("status") INCLUDE ("total")')
    text = apply([patch], source.read)["models.py"].decode()
    assert 'Index("ix_orders_status_with_total", "status", postgresql_include=["total"]),' in text
    assert 'postgresql_include=["total"]' in patch.files[0].text


def test_a_function_of_a_column_is_written_as_text(project):
    written, source = project(ORDER, on("lower(status)"), {"a1": None})
    [patch] = patches(written)
    text = apply([patch], source.read)["models.py"].decode()
    assert 'Index("ix_orders_lower_status", text("lower(status)")),' in text
    assert patch.sql[0].endswith('"ix_orders_lower_status" ON "orders" (lower("status"))')
    assert '[sa.text("lower(status)")]' in patch.files[0].text


@pytest.mark.parametrize(
    ("reason", "models"),
    [
        ("computed", ORDER + '    __table_args__ = make("x")\n'),
        ("computed", ORDER + "    __table_args__ = ()\n    __table_args__ += (x,)\n"),
        (
            "hide",
            ORDER + "\n    @declared_attr\n    def __table_args__(cls):\n        return ()\n",
        ),
        (
            "hide",
            'class Own:\n    __table_args__ = {"schema": "x"}\n\n\n'
            + ORDER.replace("(B", "(Own, B"),
        ),
        ("something else", "Index = 1\n\n\n" + ORDER),
    ],
)
def test_advice_instead_of_a_patch(project, reason, models):
    written, _ = project(models, on("status"))
    assert patches(written) == []
    assert reason in reasons(written)[0]


def test_advice_when_alembic_has_two_heads(project):
    written, _ = project(ORDER, on("status"), {"a1": None, "b1": None})
    assert "single head" in reasons(written)[0]


def test_table_arguments_are_made_below_the_name(rewritten):
    assert rewritten(ORDER, on("status")) == ORDER.replace(
        '"orders"\n\n',
        '"orders"\n    __table_args__ = (Index("ix_orders_status", "status"),)\n\n',
    )


def test_directions_are_kept(rewritten):
    after = rewritten(ORDER, on("status", order=("-total", "id")))
    assert '"status", text("total DESC"), "id")' in after.replace("\n            ", " ").replace(
        ",\n        ),", "),"
    )


NEW = 'Index("ix_orders_status", "status")'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("(A,)", f"(\n        A,\n        {NEW},\n    )"),
        ("(A, B)", f"(A, B, {NEW})"),
        ('(A, {"schema": "x"})', f'(A, {NEW}, {{"schema": "x"}})'),
        ('({"schema": "x"},)', f'(\n        {NEW},\n        {{"schema": "x"}},\n    )'),
        ('{"schema": "x"}', f'({NEW}, {{"schema": "x"}})'),
        ("(\n        A,\n    )", f"(\n        A,\n        {NEW},\n    )"),
        (
            '(\n        A,\n        {"schema": "x"},\n    )',
            f'(\n        A,\n        {NEW},\n        {{"schema": "x"}},\n    )',
        ),
    ],
)
def test_an_index_joins_table_arguments(rewritten, before, after):
    models = ORDER.replace('"orders"\n\n', '"orders"\n    __table_args__ = {}\n\n')
    with_one = models.replace("= {}\n", f"= {before}\n")
    assert rewritten(with_one, on("status")) == models.replace("= {}\n", f"= {after}\n")


def test_names_are_imported(project):
    written, source = project(ORDER, on("status", predicate="status = 'pending'"))
    text = apply(patches(written), source.read)["models.py"].decode()
    assert "from sqlalchemy import ForeignKey, Index, String, text\n" in text


def test_without_alembic_the_summary_has_the_statement_to_run(project):
    [patch] = patches(project(ORDER, on("status"))[0])
    assert patch.files == ()
    assert 'CREATE INDEX CONCURRENTLY "ix_orders_status" ON "orders" ("status")' in patch.summary


def test_a_revision_follows_the_head(project):
    written, _ = project(ORDER, on("status"), {"a1": None, "b2": "a1"})
    [patch] = patches(written)
    [file] = patch.files
    assert file.path == f"alembic/versions/{file.revision}_ix_orders_status.py"
    assert (file.follows, len(file.revision)) == ("b2", 12)
    assert file.text.endswith(
        'down_revision = "b2"\n'
        "branch_labels = None\n"
        "depends_on = None\n"
        "\n\n"
        "def upgrade() -> None:\n"
        '    op.create_index("ix_orders_status", "orders", ["status"])\n'
        "\n\n"
        "def downgrade() -> None:\n"
        '    op.drop_index("ix_orders_status", table_name="orders")\n'
    )


def test_a_schema_is_named_in_the_revision_and_the_sql(project):
    written, _ = project(ORDER, on("status"), {"a1": None}, schema="sales")
    [patch] = patches(written)
    assert 'schema="sales"' in patch.files[0].text
    assert 'ON "sales"."orders"' in patch.sql[0]


@pytest.mark.parametrize("args", ["", "(A,)", '{"schema": "x"}', '(A, {"schema": "x"})'])
def test_two_indexes_of_one_model_compose(project, args):
    models = ORDER
    if args:
        models = ORDER.replace('"orders"\n\n', f'"orders"\n    __table_args__ = {args}\n\n')
    both = []
    for one in (on("status"), on("total")):
        written, source = project(models, one)
        both += patches(written)
    text = apply(both, source.read)["models.py"].decode()
    compile(text, "models.py", "exec")
    assert text.count("__table_args__") == 1
    assert all(f'Index("ix_orders_{name}", "{name}")' in text for name in ("status", "total"))


def test_alembic_upgrades_and_sees_no_other_change(project, tmp_path, postgres):
    dsn = postgres.create("alembic_index")
    url = dsn.replace("postgresql://", "postgresql+psycopg://")
    one = on("status", order=("-total", "id"), predicate="status = 'pending'")
    written, source = project(ORDER, one, {"a1": None})
    create = (
        'op.create_table("orders", sa.Column("id", sa.Integer, primary_key=True), '
        'sa.Column("status", sa.String(12), nullable=False), '
        'sa.Column("customer_id", sa.Integer, sa.ForeignKey("orders.id"), nullable=False), '
        'sa.Column("total", sa.Integer, nullable=False))'
    )
    first = REVISION.format(name="a1", before="None", upgrade=create)
    (tmp_path / "alembic/versions/a1_x.py").write_text(first)
    (tmp_path / "alembic/env.py").write_text(ENV.format(url=url))
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = alembic\n")
    [partial, _] = patches(written)
    patched([partial], source, tmp_path)
    alembic(tmp_path, "upgrade", "head")
    alembic(tmp_path, "check")
    with psycopg.connect(dsn) as connection:
        query = "SELECT indexdef FROM pg_indexes WHERE indexname = %s"
        [definition] = connection.execute(query, [partial.sql[0].split('"')[1]]).fetchone()
        assert definition.endswith(
            "USING btree (total DESC, id) WHERE ((status)::text = 'pending'::text)"
        )
    alembic(tmp_path, "downgrade", "-1")


def alembic(root, *command):
    run = subprocess.run(
        [sys.executable, "-m", "alembic", *command],
        cwd=root,
        env={"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
