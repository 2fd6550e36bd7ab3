"""`unslow audit`: find what is slow, fix it, prove it, report it."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from unslow.cli import _outputs as out
from unslow.cli._outcome import OVER_THRESHOLD, command
from unslow.cli._values import pairs, seconds, sizes
from unslow.errors import UsageError

REQUESTS = "Requests"
PROOF = "Proof"
Words = list[str]


@command
def audit(
    context: typer.Context,
    target: Annotated[
        str | None, typer.Argument(help="A folder, a manage.py or module:attr; found if left out.")
    ] = None,
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
    from_tests: Annotated[
        str,
        typer.Option(
            metavar="'TESTS'",
            help="Take the requests of these tests: what pytest is given.",
            rich_help_panel=REQUESTS,
        ),
    ] = "",
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
    seed_rows: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="Fill empty tables of the clone with N rows each.",
            rich_help_panel=REQUESTS,
        ),
    ] = 0,
    grow: Annotated[
        str,
        typer.Option(
            metavar="1,4,16",
            help="Observe the clone at these multiples of its rows.",
            rich_help_panel=REQUESTS,
        ),
    ] = "",
    source: Annotated[
        Words | None,
        typer.Option(metavar="PACKAGE", help="Installed, and application code too."),
    ] = None,
    prove: Annotated[
        bool,
        typer.Option(
            "--prove/--no-prove",
            help="Measure the fixes, or only write them.",
            rich_help_panel=PROOF,
        ),
    ] = True,
    time_budget: Annotated[
        str,
        typer.Option(metavar="TIME", help="At most this long: 90s, 5m, 1h.", rich_help_panel=PROOF),
    ] = "5m",
    seed: Annotated[
        int, typer.Option(metavar="N", help="Of every random order.", rich_help_panel=PROOF)
    ] = 0,
    fail_on: out.FailOnOption = None,
    html: out.HtmlOption = None,
    json: out.JsonOption = None,
    sarif: out.SarifOption = None,
    markdown: out.MarkdownOption = None,
    save_trace: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Keep what was observed, without values.",
            rich_help_panel=out.REPORTS,
        ),
    ] = None,
) -> int:
    """Find what is slow in an application, fix it, prove the fixes.

    The application runs on a clone of its database. Its usual start command may follow `--`.
    Options that name one thing may be given several times.

        unslow audit -- gunicorn shop.wsgi --workers 2
    """
    outputs = out.Outputs(html, json, sarif, markdown)
    out.check(*outputs.files().values(), save_trace)
    if from_tests and replay:
        raise UsageError("Give --from-tests or --replay, not both.")
    budget_s = seconds(time_budget, "--time-budget")
    multiples = sizes(grow, "--grow")

    from unslow.cli import _state
    from unslow.cli._progress import shown
    from unslow.lab import from_tests as tests
    from unslow.lab import pipeline, traces
    from unslow.lab.report._excerpt import with_excerpts
    from unslow.lab.target import discover, read_settings
    from unslow.lab.workload import Wanted

    settings = read_settings(Path.cwd())
    settings = replace(settings, env={**settings.env, **pairs(env, "=", "--env")})
    headers = {**settings.headers, **pairs(header, ":", "--header")}
    cookies = pairs(cookie, "=", "--cookie")
    if cookies:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    found = discover(
        target, context.obj or (), cwd=Path.cwd(), sources=source or (), settings=settings
    )
    wanted = Wanted(
        headers=headers,
        recordings=tuple(replay or ()),
        include=tuple(include or ()),
        exclude=(*settings.exclude, *(exclude or ())),
        writes=writes,
    )
    options = pipeline.Options(
        wanted=wanted,
        login=login or settings.login,
        prove=prove,
        budget_s=budget_s,
        seed=seed,
        seed_rows=seed_rows,
        sizes=multiples,
    )
    with shown() as progress:
        if from_tests:
            audited = tests.audit(from_tests, found, options, progress)
        else:
            audited = pipeline.audit(found, options, progress)
    report = out.rooted(audited.report, found.root)
    report = with_excerpts(report, traces.reader(audited.trace, found.root))
    _state.keep(report, found.root)
    out.write(report, outputs)
    if save_trace:
        traces.save(audited.trace, save_trace)
    out.show(report)
    return OVER_THRESHOLD if out.is_over(report, fail_on) else 0
