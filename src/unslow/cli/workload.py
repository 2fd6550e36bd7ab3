"""`unslow workload`: write the requests that stand for the traffic, for Locust or for a replay."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unslow.cli import _outputs as out
from unslow.cli._outcome import command
from unslow.cli._values import pairs
from unslow.errors import UsageError

if TYPE_CHECKING:
    from unslow.lab.target import Settings
    from unslow.lab.workload import Call, Wanted

FORMATS = "Formats"
Words = list[str]

app = typer.Typer(
    name="workload",
    help="Write the requests that stand for the traffic.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def workload() -> None:
    """Write the requests that stand for the traffic."""


@app.command()
@command
def export(
    context: typer.Context,
    target: Annotated[
        str | None, typer.Argument(help="A folder, a manage.py or module:attr; found if left out.")
    ] = None,
    locust: Annotated[
        bool, typer.Option("--locust", help="A Locust file.", rich_help_panel=FORMATS)
    ] = False,
    jsonl: Annotated[
        bool,
        typer.Option("--jsonl", help="A recording for --replay.", rich_help_panel=FORMATS),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Else standard output."),
    ] = None,
    replay: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="From an access log, HAR or JSONL."),
    ] = None,
    login: Annotated[str, typer.Option(metavar="NAME", help="Log in as this user.")] = "",
    header: Annotated[
        Words | None, typer.Option(metavar="'NAME: VALUE'", help="Send this header.")
    ] = None,
    cookie: Annotated[
        Words | None, typer.Option(metavar="NAME=VALUE", help="Send this cookie.")
    ] = None,
    env: Annotated[
        Words | None, typer.Option(metavar="NAME=VALUE", help="A variable for the application.")
    ] = None,
    include: Annotated[
        Words | None, typer.Option(metavar="GLOB", help="Only endpoints like this.")
    ] = None,
    exclude: Annotated[
        Words | None, typer.Option(metavar="GLOB", help="No endpoints like this.")
    ] = None,
    writes: Annotated[
        bool, typer.Option("--writes/--no-writes", help="With the requests that write.")
    ] = True,
) -> int:
    """Write the workload of an application, recorded or discovered, as a Locust file or JSONL.

    The application runs once on a clone of its database to learn its routes; a recording alone is
    written as it is. Session secrets are not written.

        unslow workload export --locust -o locustfile.py -- uvicorn shop.main:app
    """
    if locust == jsonl:
        raise UsageError("choose the format: --locust or --jsonl")
    out.check(output)

    from unslow.lab.target import read_settings
    from unslow.lab.workload import Wanted
    from unslow.lab.workload.export import locustfile, recording

    settings = read_settings(Path.cwd())
    settings = replace(settings, env={**settings.env, **pairs(env, "=", "--env")})
    headers = {**settings.headers, **pairs(header, ":", "--header")}
    if cookies := pairs(cookie, "=", "--cookie"):
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    wanted = Wanted(
        headers=headers,
        recordings=tuple(replay or ()),
        include=tuple(include or ()),
        exclude=(*settings.exclude, *(exclude or ())),
        writes=writes,
    )
    started_by = tuple(context.obj or ())
    if replay and target is None and not started_by:
        calls = _recorded(wanted)
    else:
        calls = _discovered(target, started_by, settings, wanted, login or settings.login)
    exported = (locustfile if locust else recording)(calls)
    if not exported.calls:
        raise UsageError("every request of the workload carries a password or a token in its body")
    if output:
        out.write_text(output, exported.text)
    else:
        sys.stdout.write(exported.text)
    _tell(f"{exported.calls} requests of {len({call.endpoint for call in calls})} endpoints")
    if exported.left_out:
        _tell(f"left out, for a secret in the body: {', '.join(exported.left_out)}")
    if exported.variables and locust:
        _tell(f"set in the environment: {', '.join(exported.variables)}")
    elif exported.variables:
        _tell(f"not written: {', '.join(dict.fromkeys(exported.variables.values()))}")
    return 0


def _recorded(wanted: "Wanted") -> "Sequence[Call]":
    """The recordings as they are, with the user's headers, without starting the application."""
    from unslow.lab.workload import export, replay

    calls = export.named(call for path in wanted.recordings for call in replay.read(path))
    kept = [
        call.signed(wanted.headers)
        for call in export.chosen(calls, wanted.include, wanted.exclude)
        if wanted.writes or not call.writes
    ]
    if not kept:
        raise UsageError("no request of the recording is left by --include, --exclude, --no-writes")
    return kept


def _discovered(
    target: str | None,
    started_by: tuple[str, ...],
    settings: "Settings",
    wanted: "Wanted",
    login: str,
) -> "Sequence[Call]":
    """What the running application answers, learnt on a clone of its data."""
    from unslow.cli._progress import shown
    from unslow.lab._observation import prepare
    from unslow.lab.target import Lab, discover

    found = discover(target, started_by, cwd=Path.cwd(), settings=settings)
    with shown() as progress, Lab(found, progress) as lab:
        workload, _ = prepare(lab, wanted, login, progress)
    return (*workload.calls, *workload.held_out)


def _tell(line: str) -> None:
    print(f"unslow: {line}", file=sys.stderr)
