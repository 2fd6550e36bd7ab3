"""`unslow demo`: the shop, audited, fixed and proven on this machine."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from unslow.cli import _outputs as out
from unslow.cli._outcome import command
from unslow.cli._values import seconds

if TYPE_CHECKING:
    from unslow.demo.seed import Flavour, Size
    from unslow.model import Report
    from unslow.progress import Progress

NOT_SOURCE = shutil.ignore_patterns("__pycache__", "*.pyc")


@command
def demo(
    flavour: Annotated[
        Literal["django", "fastapi", "both"], typer.Option(help="Which shop to audit.")
    ] = "both",
    size: Annotated[
        Literal["small", "medium"], typer.Option(help="How much data: medium has 20 000 orders.")
    ] = "medium",
    time_budget: Annotated[
        str, typer.Option(help="At most this long for each shop's proofs: 90s, 5m, 1h.")
    ] = "10m",
    keep: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the shops and reports go; a new temporary folder."),
    ] = None,
    open_report: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the reports where there is a screen.")
    ] = True,
) -> int:
    """Audit the slow shop, prove the fixes and write the fast shop beside it.

    PostgreSQL and Redis run embedded, for as long as the command does.
    """
    from unslow.cli._progress import shown

    budget_s = seconds(time_budget, "--time-budget")
    flavours: tuple[Flavour, ...] = ("django", "fastapi") if flavour == "both" else (flavour,)
    with _folder(keep) as folder:
        for one in flavours:
            with shown() as progress:
                report = _audit(one, size, folder / one, budget_s, progress)
            out.show(report)
            _say_where(folder / one)
            if open_report:
                _open(folder / one / "report.html")
    return 0


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """The folder of the demo; a temporary one is removed again when the demo fails."""
    if keep is not None:
        yield keep
        return
    folder = Path(tempfile.mkdtemp(prefix="unslow-demo-"))
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _audit(
    flavour: "Flavour", size: "Size", folder: Path, budget_s: float, progress: "Progress"
) -> "Report":
    from unslow.demo.run import prepare
    from unslow.lab import pipeline, traces, write
    from unslow.lab.report._excerpt import with_excerpts
    from unslow.lab.target import discover, read_settings

    slow, fast = folder / "slow", folder / "fast"
    with prepare(flavour, size, slow, progress) as shop:
        settings = read_settings(shop.root)
        settings = replace(settings, env={**settings.env, **shop.env})
        target = discover(None, shop.command, cwd=shop.root, settings=settings)
        audited = pipeline.audit(target, pipeline.Options(budget_s=budget_s), progress)
    report = with_excerpts(audited.report, traces.reader(audited.trace, slow))
    shutil.copytree(slow, fast, ignore=NOT_SOURCE)
    if write.kept(report):
        write.to_tree(report, fast)
    out.write(report, out.Outputs(html=folder / "report.html", json=folder / "report.json"))
    return report


def _say_where(folder: Path) -> None:
    print(f"Report     {folder / 'report.html'}")
    print(f"Slow shop  {folder / 'slow'}")
    print(f"Fast shop  {folder / 'fast'}\n", flush=True)


def _open(page: Path) -> None:
    screen = (
        sys.platform == "darwin" or os.environ.get("DISPLAY") or "WAYLAND_DISPLAY" in os.environ
    )
    if screen and sys.stdout.isatty():
        import webbrowser

        webbrowser.open(page.resolve().as_uri())
