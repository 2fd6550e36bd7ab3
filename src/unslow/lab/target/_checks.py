"""Tells a database that is not ready for an audit from one that is."""

from collections.abc import Sequence
from pathlib import Path

from unslow.errors import UnslowError
from unslow.lab.target import _postgres_rows, _sqlite
from unslow.lab.target._types import Database, Description
from unslow.progress import Progress

DJANGO = "Run the application's migrations first: python manage.py migrate"
OTHERS = (
    "Create them first, as the application is deployed (alembic upgrade head, or its own script)"
)


def check(databases: Sequence[Database], description: Description, progress: Progress) -> None:
    """Raises UnslowError when the application's tables are missing or all empty."""
    if not databases:
        return
    remedy = DJANGO if description.kind == "django" else OTHERS
    present = {name for database in databases for name in _tables(database)}
    names = {name.rpartition(".")[2] for name in present}
    source = databases[0].source
    wanted = {model.table.rpartition(".")[2].strip('"') for model in description.models} - {""}
    if not present or (wanted and not wanted & names):
        raise UnslowError(f"The database {source} has none of the application's tables. {remedy}")
    if missing := sorted(wanted - names):
        progress.note(
            f"{len(missing)} tables of the application's models are not in {source} "
            f"({', '.join(missing[:3])}, …). {remedy}"
        )
    if all(_is_empty(database, wanted) for database in databases):
        raise UnslowError(
            f"The tables in {source} are empty, so nothing can be slow yet. Load data of a "
            "realistic size first (fixtures, a seed script, a copy of production), or let "
            "unslow audit fill the clone: --seed-rows 1000"
        )


def _tables(database: Database) -> tuple[str, ...]:
    if database.engine == "sqlite":
        return tuple(_sqlite.tables(Path(database.dsn)))
    return tuple(_postgres_rows.tables(database.dsn))


def _is_empty(database: Database, wanted: set[str]) -> bool:
    """Whether no table holds a row; the framework's own bookkeeping does not count."""
    names = [name for name in _tables(database) if not _is_bookkeeping(name)]
    of_models = [name for name in names if name.rpartition(".")[2] in wanted] or names
    if database.engine == "sqlite":
        return _sqlite.is_empty(Path(database.dsn), of_models)
    return _postgres_rows.is_empty(database.dsn, of_models)


def _is_bookkeeping(table: str) -> bool:
    return table.rpartition(".")[2] in (
        "django_migrations",
        "django_content_type",
        "django_site",
        "auth_permission",
        "alembic_version",
    )
