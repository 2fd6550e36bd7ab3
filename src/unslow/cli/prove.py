"""`unslow prove`: judge a change that anybody made, by the protocol that judges unslow's own."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from unslow.cli import _outputs as out
from unslow.cli._outcome import VERDICTS, command
from unslow.cli._values import pairs, seconds, share

if TYPE_CHECKING:
    from unslow.lab.compare import Options
    from unslow.lab.target import Settings
    from unslow.model import Report
    from unslow.progress import Progress

REQUESTS = "Requests"
PROOF = "Proof"
Words = list[str]
Measure = Literal["cpu", "latency", "throughput"]


@command
def prove(
    context: typer.Context,
    base: Annotated[
        str | None,
        typer.Argument(help="A revision, A..B, a folder, command or URL; or the change alone."),
    ] = None,
    candidate: Annotated[
        str | None,
        typer.Argument(help="A revision, patch, .sql, folder, command, URL; else the work tree."),
    ] = None,
    endpoint: Annotated[
        Words | None,
        typer.Option(metavar="GLOB", help="Only endpoints like this.", rich_help_panel=REQUESTS),
    ] = None,
    workload: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="Replay an access log, HAR or JSONL.", rich_help_panel=REQUESTS
        ),
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
    writes: Annotated[
        bool | None,
        typer.Option(
            "--writes/--no-writes",
            help="Exercise writes: on clones unless told not to, on running services if told to.",
            rich_help_panel=REQUESTS,
        ),
    ] = None,
    env: Annotated[
        Words | None, typer.Option(metavar="NAME=VALUE", help="A variable for the application.")
    ] = None,
    time_budget: Annotated[
        str,
        typer.Option(metavar="TIME", help="At most this long: 90s, 5m, 1h.", rich_help_panel=PROOF),
    ] = "5m",
    max_slowdown: Annotated[
        str,
        typer.Option(metavar="SHARE", help="What any endpoint may lose.", rich_help_panel=PROOF),
    ] = "5%",
    measure: Annotated[
        Measure,
        typer.Option(help="What decides; the last two under load.", rich_help_panel=PROOF),
    ] = "cpu",
    seed: Annotated[
        int, typer.Option(metavar="N", help="Of every random order.", rich_help_panel=PROOF)
    ] = 0,
    html: out.HtmlOption = None,
    json: out.JsonOption = None,
    sarif: out.SarifOption = None,
    markdown: out.MarkdownOption = None,
) -> int:
    """Judge a change: the same answers, no harm, and faster beyond doubt?

    Without arguments the work tree is compared with HEAD. Exits with 0 when the change is proven
    faster, 20 without gain, 21 slower, 22 different answers, 23 failed, 24 inconclusive.

        unslow prove main feature --endpoint 'GET /orders*'
    """
    outputs = out.Outputs(html, json, sarif, markdown)
    out.check(*outputs.files().values())
    budget_s = seconds(time_budget, "--time-budget")
    limit = share(max_slowdown, "--max-slowdown")

    from unslow.cli._progress import shown
    from unslow.lab.compare import Options, are_urls, place
    from unslow.lab.target import read_settings
    from unslow.lab.workload import Wanted

    folder = place(base, candidate, Path.cwd())
    settings = read_settings(folder)
    settings = replace(settings, env={**settings.env, **pairs(env, "=", "--env")})
    headers = {**settings.headers, **pairs(header, ":", "--header")}
    if cookies := pairs(cookie, "=", "--cookie"):
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    wanted = Wanted(
        headers=headers,
        recordings=tuple(workload or ()),
        include=tuple(endpoint or ()),
        exclude=settings.exclude,
        # Clones take writes; the data of services that are running do not.
        writes=writes if writes is not None else not are_urls(base, candidate),
    )
    options = Options(wanted, login or settings.login, budget_s, limit, seed, measure)
    with shown() as progress:
        report = _compared(
            (base, candidate), context.obj or (), folder, settings, options, progress
        )
    out.write(report, outputs)
    out.show(report)
    assert report.comparison is not None
    return VERDICTS[report.comparison.verdict.verdict]


def _compared(
    versions: tuple[str | None, str | None],
    command: tuple[str, ...],
    folder: Path,
    settings: "Settings",
    options: "Options",
    progress: "Progress",
) -> "Report":
    from unslow.lab import compare
    from unslow.lab.target import discover

    if compare.are_urls(*versions):
        from unslow.lab.compare import remote

        return remote.compare(str(versions[0]), str(versions[1]), options, progress, settings.mask)
    start = compare.commands(*versions)
    found = discover(None, start[0] if start else command, cwd=folder, settings=settings)
    resolved = compare.started_by(*start) if start else compare.resolve(*versions, found)
    resolved = compare.prepared(resolved, settings.prepare)
    report = compare.compare(found, resolved, options, progress)
    return out.rooted(report, found.root)
