"""`unslow selftest`: how often a proof on this machine is wrong, and what it can see."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unslow.cli import _outputs as out
from unslow.cli._outcome import FAILED, command, fail
from unslow.cli._values import pairs, seconds
from unslow.errors import UsageError

if TYPE_CHECKING:
    from unslow.lab.target import Settings, Target
    from unslow.progress import Progress

REQUESTS = "Requests"
Words = list[str]


@command
def selftest(
    context: typer.Context,
    target: Annotated[
        str | None,
        typer.Argument(help="A folder, a manage.py or module:attr; the bundled shop if none."),
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Use the bundled shop, whatever lies here.")
    ] = False,
    login: Annotated[
        str, typer.Option(metavar="NAME", help="Log in as this user.", rich_help_panel=REQUESTS)
    ] = "",
    header: Annotated[
        Words | None,
        typer.Option(metavar="'NAME: VALUE'", help="Send this header.", rich_help_panel=REQUESTS),
    ] = None,
    env: Annotated[
        Words | None, typer.Option(metavar="NAME=VALUE", help="A variable for the application.")
    ] = None,
    time_budget: Annotated[
        str, typer.Option(metavar="TIME", help="At most this long: 90s, 5m, 1h.")
    ] = "5m",
    seed: Annotated[int, typer.Option(metavar="N", help="Of every random order.")] = 0,
    html: out.HtmlOption = None,
    json: out.JsonOption = None,
    markdown: out.MarkdownOption = None,
) -> int:
    """Test the proof itself on this machine.

    Identical code and code with a known delay are launched and measured as a proof does it. Exits
    with 1 when more than 1 % of the trials on identical code, or less than 90 % of those on a
    change of 10 % CPU, end in "proven".
    """
    ends = time.monotonic() + seconds(time_budget, "--time-budget")
    outputs = out.Outputs(html=html, json=json, markdown=markdown)
    out.check(*outputs.files().values())

    from unslow.cli._progress import shown
    from unslow.lab.selftest import Options
    from unslow.lab.selftest import selftest as run
    from unslow.lab.workload import Wanted

    wished = _Wished(target, context.obj or (), demo, pairs(env, "=", "--env"))
    with shown() as progress, _target(wished, progress) as (found, settings):
        headers = {**settings.headers, **pairs(header, ":", "--header")}
        options = Options(
            seconds_left=lambda: ends - time.monotonic(),
            wanted=Wanted(headers=headers, exclude=settings.exclude),
            login=login or settings.login,
            seed=seed,
        )
        report = run(found, options, progress)
    out.write(report, outputs)
    out.show(report)
    if report.selftest is None or report.selftest.failures:
        fail("the targets are not met on this machine; see above")
        return FAILED
    return 0


@dataclass(frozen=True)
class _Wished:
    target: str | None
    command: tuple[str, ...]
    demo: bool
    env: dict[str, str]


@contextmanager
def _target(wished: _Wished, progress: "Progress") -> "Iterator[tuple[Target, Settings]]":
    """The user's application, or the bundled shop for as long as the block runs."""
    from unslow.lab.target import NotFound, discover, read_settings

    if wished.demo and (wished.target or wished.command):
        raise UsageError("--demo and a target exclude each other")
    if not wished.demo:
        settings = read_settings(Path.cwd())
        settings = replace(settings, env={**settings.env, **wished.env})
        try:
            found = discover(wished.target, wished.command, cwd=Path.cwd(), settings=settings)
        except NotFound:
            if wished.target:
                raise
            progress.note("No application is found here: the bundled shop is used.")
        else:
            yield found, settings
            return
    with _shop(progress) as prepared:
        yield prepared


@contextmanager
def _shop(progress: "Progress") -> "Iterator[tuple[Target, Settings]]":
    from unslow.demo.run import prepare
    from unslow.lab.target import discover, read_settings

    with (
        tempfile.TemporaryDirectory(prefix="unslow-selftest-") as folder,
        prepare("django", "small", Path(folder) / "shop", progress) as shop,
    ):
        settings = read_settings(shop.root)
        settings = replace(settings, env={**settings.env, **shop.env})
        yield discover(None, shop.command, cwd=shop.root, settings=settings), settings
