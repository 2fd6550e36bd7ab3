"""Where reports are written: the options that audit, diagnose and report share."""

import contextlib
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer

from unslow.errors import UnslowError, UsageError
from unslow.model import Report

MAX_COLUMNS = 100
REPORTS = "Reports"
SEVERITIES = ("low", "medium", "high")

FailOn = Literal["high", "medium", "low"]
HtmlOption = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar="FILE",
        rich_help_panel=REPORTS,
        help="Write the HTML report, one self-contained file.",
    ),
]
JsonOption = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", rich_help_panel=REPORTS, help="Write the JSON report."),
]
SarifOption = Annotated[
    Path | None,
    typer.Option("--sarif", metavar="FILE", rich_help_panel=REPORTS, help="Write SARIF 2.1.0."),
]
MarkdownOption = Annotated[
    Path | None,
    typer.Option(
        "--markdown",
        metavar="FILE",
        rich_help_panel=REPORTS,
        help="Write Markdown for a pull request.",
    ),
]
FailOnOption = Annotated[
    FailOn | None,
    typer.Option(
        "--fail-on",
        rich_help_panel=REPORTS,
        help="Exit with 10 when a finding is at least this severe.",
    ),
]


@dataclass(frozen=True)
class Outputs:
    html: Path | None = None
    json: Path | None = None
    sarif: Path | None = None
    markdown: Path | None = None

    def files(self) -> dict[str, Path]:
        named = {
            "html": self.html,
            "json": self.json,
            "sarif": self.sarif,
            "markdown": self.markdown,
        }
        return {name: path for name, path in named.items() if path is not None}


def check(*paths: Path | None) -> None:
    """Raise UsageError for a file that could not be written, before the long work begins."""
    for path in paths:
        if path is None:
            continue
        if path.is_dir():
            raise UsageError(f"{path} is a folder; name a file in it")
        if not path.absolute().parent.is_dir():
            raise UsageError(f"{path.absolute().parent} does not exist; create it first")


def write(report: Report, outputs: Outputs) -> None:
    """Write each wanted format."""
    for name, path in outputs.files().items():
        write_text(path, import_module(f"unslow.lab.report.{name}").render(report))


def write_text(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UnslowError(f"{path} cannot be written: {error.strerror}") from error


def rooted(report: Report, root: Path) -> Report:
    """The report with its root relative to the current folder, where it lies below."""
    with contextlib.suppress(ValueError):
        root = root.resolve().relative_to(Path.cwd().resolve())
    target = msgspec.structs.replace(report.target, root=root.as_posix())
    return msgspec.structs.replace(report, target=target)


def show(report: Report) -> None:
    """Print the report on standard output, as wide as the terminal up to a readable line."""
    from rich.console import Console

    from unslow.lab.report import terminal

    console = Console()
    text = terminal.render(
        report,
        width=min(console.width, MAX_COLUMNS),
        color=console.is_terminal and not console.no_color,
    )
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()


def is_over(report: Report, threshold: FailOn | None) -> bool:
    """Whether a finding is at or above the threshold."""
    if threshold is None:
        return False
    least = SEVERITIES.index(threshold)
    return any(SEVERITIES.index(finding.severity) >= least for finding in report.findings)
