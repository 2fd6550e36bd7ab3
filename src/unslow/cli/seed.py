"""`unslow seed`: fill an empty database with plausible rows."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unslow.cli import _outputs as out
from unslow.cli._outcome import command
from unslow.cli._values import pairs
from unslow.errors import UsageError

if TYPE_CHECKING:
    from unslow.lab.seeding import Seeded


@command
def seed(
    context: typer.Context,
    target: Annotated[
        str | None, typer.Argument(help="A folder, a manage.py or module:attr; found if left out.")
    ] = None,
    rows: Annotated[int, typer.Option(metavar="N", min=1, help="Rows of each table.")] = 1000,
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed makes other rows.")] = 0,
    database: Annotated[
        str | None, typer.Option(metavar="DSN", help="This database, not the application's.")
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Write into the database that --database names.")
    ] = False,
    sql: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the rows as SQL statements.")
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A variable for the application."),
    ] = None,
) -> int:
    """Fill an empty database with plausible rows, the same ones for the same seed.

    It is tried on a clone, and what each table would get is printed. Your own database is written
    only when it is named with --database and --apply is given.

        unslow seed --database postgresql://localhost/shop --apply
    """
    if apply and not database:
        raise UsageError("--apply writes into the database that you name: add --database DSN")
    if apply and sql:
        raise UsageError("choose: --apply writes the rows, --sql shows them")
    out.check(sql)

    from unslow.cli._progress import shown
    from unslow.lab.seeding import Amount, models_of, seed_application, seed_clone, seed_named
    from unslow.lab.target import discover, read_settings

    amount = Amount(rows, seed)
    started_by = tuple(context.obj or ())
    settings = read_settings(Path.cwd())
    settings = replace(settings, env={**settings.env, **pairs(env, "=", "--env")})
    found = None
    if not database or target or started_by:
        found = discover(target, started_by, cwd=Path.cwd(), settings=settings)
    if sql:
        sql.write_text("", encoding="utf-8")
    done: tuple[Seeded, ...]
    with shown() as progress:
        if database is None:
            assert found is not None
            done = seed_application(found, amount, sql, progress)
        else:
            models = models_of(found, progress) if found else ()
            if apply:
                done = (seed_named(database, models, amount, progress),)
            else:
                done = (seed_clone(database, models, amount, sql, progress),)
    for one in done:
        _show(one, is_applied=apply)
    if sql:
        print(f"wrote {sql}")
    return 0


def _show(seeded: "Seeded", *, is_applied: bool) -> None:
    told = [one for one in seeded.tables if one.rows or one.why]
    width = max((len(one.table.name) for one in told), default=0)
    for one in told:
        print(f"{one.table.name:{width}}  {_count(one.rows):>9} rows  {one.why}".rstrip())
    tables = sum(one.rows > 0 for one in told)
    rows = _count(sum(one.rows for one in told))
    if is_applied:
        print(f"{rows} rows in {tables} tables, written to {seeded.source}.")
    else:
        print(f"{rows} rows in {tables} tables of a clone; {seeded.source} itself is unchanged.")


def _count(number: int) -> str:
    return f"{number:,}".replace(",", " ")
