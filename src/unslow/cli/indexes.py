"""`unslow indexes`: advise indexes for a database's statements, without an application."""

import re
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from unslow.cli import _outputs as out
from unslow.cli._outcome import command
from unslow.cli._values import seconds
from unslow.errors import UsageError

UNITS = {"kb": 2**10, "mb": 2**20, "gb": 2**30}


@command
def indexes(
    database: Annotated[
        str,
        typer.Option(
            metavar="DSN",
            envvar="DATABASE_URL",
            help="Only read; all is tried on a clone of it.",
        ),
    ] = "",
    log: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Take the statements from PostgreSQL's log."),
    ] = None,
    queries: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Take the statements from a file of SQL.")
    ] = None,
    trace: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Take those of an audit (--save-trace FILE)."),
    ] = None,
    size: Annotated[
        str, typer.Option(metavar="SIZE", help="New indexes may take so much: 500MB, 2GB.")
    ] = "",
    time_budget: Annotated[
        str, typer.Option(metavar="TIME", help="Take at most this long: 90s, 5m, 1h.")
    ] = "5m",
    seed: Annotated[int, typer.Option(metavar="N", help="Of every random order.")] = 0,
    json: out.JsonOption = None,
) -> int:
    """Advise indexes for all statements of a database, tried on a clone.

    The statements come from pg_stat_statements, or from --log, --queries or --trace. Indexes that
    nothing uses and those that others replace are named as well.
    """
    out.check(json)
    if not database:
        raise UsageError("name the database: --database postgresql://user@host/name")
    if sum(one is not None for one in (log, queries, trace)) > 1:
        raise UsageError("--log, --queries and --trace: give one of them")
    most = _bytes(size) if size else None
    budget_s = seconds(time_budget, "--time-budget")

    from unslow.cli._progress import shown
    from unslow.lab import indexing
    from unslow.lab.indexing import rendering, sources

    executed = sources.from_log(log) if log else None
    executed = sources.from_queries(queries) if queries else executed
    executed = sources.from_trace(trace) if trace else executed
    with shown() as progress:
        options = indexing.Options(most, budget_s, seed)
        advice = indexing.advise(_libpq(database), executed, options, progress)
    if json:
        out.write_text(json, msgspec.json.format(msgspec.json.encode(advice)).decode() + "\n")
    print(rendering.render(advice), end="")
    return 0


def _libpq(dsn: str) -> str:
    """The DSN without the driver's name that SQLAlchemy puts into its scheme."""
    return re.sub(r"^postgres(?:ql)?(?:\+\w+)?://", "postgresql://", dsn)


def _bytes(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]b)", text.strip().lower())
    if match is None:
        raise UsageError(f"--size {text}: not a size; write 500MB or 2GB")
    return round(float(match[1]) * UNITS[match[2]])
