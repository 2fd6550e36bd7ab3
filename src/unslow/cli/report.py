"""`unslow report`: a kept or saved report in another format."""

from pathlib import Path
from typing import Annotated

import typer

from unslow.cli import _outputs as out
from unslow.cli._outcome import OVER_THRESHOLD, command


@command
def report(
    report: Annotated[
        Path | None, typer.Argument(help="A JSON report; the last audit if left out.")
    ] = None,
    fail_on: out.FailOnOption = None,
    html: out.HtmlOption = None,
    json: out.JsonOption = None,
    sarif: out.SarifOption = None,
    markdown: out.MarkdownOption = None,
) -> int:
    """Show a report again, or write it in other formats."""
    from unslow.cli import _state

    outputs = out.Outputs(html, json, sarif, markdown)
    out.check(*outputs.files().values())
    shown = _state.read(report) if report else _state.last(Path.cwd())[0]
    out.write(shown, outputs)
    if not outputs.files():
        out.show(shown)
    return OVER_THRESHOLD if out.is_over(shown, fail_on) else 0
