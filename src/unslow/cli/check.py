"""`unslow check`: hold every endpoint to its budget, in continuous integration."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unslow.cli import _outputs as out
from unslow.cli._outcome import OVER_BUDGET, command
from unslow.cli._values import pairs, seconds
from unslow.errors import UsageError

if TYPE_CHECKING:
    from unslow.lab.budget import Rules
    from unslow.lab.compare import Versions
    from unslow.lab.target import Settings, Target

BASE = "Base"
REQUESTS = "Requests"
Words = list[str]


@command
def check(
    context: typer.Context,
    target: Annotated[
        str | None, typer.Argument(help="A folder, a manage.py or module:attr; found if left out.")
    ] = None,
    suggest: Annotated[
        bool,
        typer.Option("--suggest", help="Print today's counters as a table to paste, and exit."),
    ] = False,
    base: Annotated[
        str,
        typer.Option(
            metavar="REV", help="Compare counters and times with it.", rich_help_panel=BASE
        ),
    ] = "",
    time_budget: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="Measure at most this long: 90s, 5m, 1h.", rich_help_panel=BASE
        ),
    ] = "5m",
    seed: Annotated[
        int, typer.Option(metavar="N", help="Of every random order.", rich_help_panel=BASE)
    ] = 0,
    login: Annotated[
        str, typer.Option(metavar="NAME", help="Log in as this user.", rich_help_panel=REQUESTS)
    ] = "",
    header: Annotated[
        Words | None,
        typer.Option(metavar="'NAME: VALUE'", help="Send this header.", rich_help_panel=REQUESTS),
    ] = None,
    cookie: Annotated[
        Words | None,
        typer.Option(metavar="NAME=VALUE", help="Send this cookie.", rich_help_panel=REQUESTS),
    ] = None,
    env: Annotated[
        Words | None, typer.Option(metavar="NAME=VALUE", help="A variable for the application.")
    ] = None,
    replay: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="Replay an access log, HAR or JSONL.", rich_help_panel=REQUESTS
        ),
    ] = None,
    include: Annotated[
        Words | None,
        typer.Option(metavar="GLOB", help="Only endpoints like this.", rich_help_panel=REQUESTS),
    ] = None,
    exclude: Annotated[
        Words | None,
        typer.Option(metavar="GLOB", help="No endpoints like this.", rich_help_panel=REQUESTS),
    ] = None,
    writes: Annotated[
        bool,
        typer.Option(
            "--writes/--no-writes", help="Exercise writes, on the clone.", rich_help_panel=REQUESTS
        ),
    ] = True,
    source: Annotated[
        Words | None,
        typer.Option(metavar="PACKAGE", help="Installed, and application code too."),
    ] = None,
    html: out.HtmlOption = None,
    json: out.JsonOption = None,
    sarif: out.SarifOption = None,
    markdown: out.MarkdownOption = None,
) -> int:
    """Hold every endpoint to its budget in [tool.unslow.budget].

    Counters of queries, rows and bytes fail when they are over it, times when the slowdown against
    --base surely is. Exits with 11 when anything is exceeded.
    """
    outputs = out.Outputs(html, json, sarif, markdown)
    out.check(*outputs.files().values())
    budget_s = seconds(time_budget, "--time-budget")

    from unslow.cli._progress import shown
    from unslow.lab import budget, traces
    from unslow.lab.report._excerpt import with_excerpts
    from unslow.lab.target import discover, read_settings
    from unslow.lab.workload import Wanted

    settings = read_settings(Path.cwd())
    settings = replace(settings, env={**settings.env, **pairs(env, "=", "--env")})
    headers = {**settings.headers, **pairs(header, ":", "--header")}
    if cookies := pairs(cookie, "=", "--cookie"):
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    rules = _rules(settings, suggest)
    found = discover(
        target, context.obj or (), cwd=Path.cwd(), sources=source or (), settings=settings
    )
    wanted = Wanted(
        headers=headers,
        recordings=tuple(replay or ()),
        include=tuple(include or ()),
        exclude=(*settings.exclude, *(exclude or ())),
        writes=writes,
        every_call=True,
    )
    options = budget.Options(wanted, login or settings.login, budget_s, seed)
    versions = _versions(base, found) if base and not suggest else None
    label = base if base and not suggest else ""
    with shown() as progress:
        checked = budget.check(found, rules, options, progress, versions, label)
    result = checked.report.budget
    assert result is not None
    if suggest:
        print(budget.suggested(result), end="")
        return 0
    report = out.rooted(checked.report, found.root)
    report = with_excerpts(report, traces.reader(checked.trace, found.root))
    out.write(report, outputs)
    out.show(report)
    return OVER_BUDGET if result.exceeded else 0


def _rules(settings: "Settings", suggest: bool) -> "Rules":
    from unslow.lab.budget import Rules, read_rules

    if suggest:
        return Rules()
    where = str(settings.folder / "pyproject.toml") if settings.folder else "pyproject.toml"
    if not settings.budget:
        raise UsageError(
            f"{where} has no [tool.unslow.budget]; `unslow check --suggest` prints one to paste"
        )
    return read_rules(settings.budget, where)


def _versions(base: str, target: "Target") -> "Versions | None":
    """The two versions; None where the work tree is the base."""
    from unslow.lab.compare import NothingToCompare, resolve

    try:
        return resolve(base, None, target)
    except NothingToCompare:
        return None
