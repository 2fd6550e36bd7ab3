"""`unslow diagnose`: findings in a saved trace, without the application."""

from pathlib import Path
from typing import Annotated

import typer

from unslow.cli import _outputs as out
from unslow.cli._outcome import OVER_THRESHOLD, command


@command
def diagnose(
    trace: Annotated[Path, typer.Argument(help="What `unslow audit --save-trace` wrote.")],
    fail_on: out.FailOnOption = None,
    html: out.HtmlOption = None,
    json: out.JsonOption = None,
    sarif: out.SarifOption = None,
    markdown: out.MarkdownOption = None,
) -> int:
    """Diagnose a saved trace again, without running anything."""
    from unslow.lab import pipeline, traces
    from unslow.lab.report._excerpt import with_excerpts

    outputs = out.Outputs(html, json, sarif, markdown)
    out.check(*outputs.files().values())
    loaded = traces.load(trace)
    read = traces.reader(loaded, Path.cwd())
    report = with_excerpts(pipeline.diagnose_only(loaded, read), read)
    out.write(report, outputs)
    out.show(report)
    return OVER_THRESHOLD if out.is_over(report, fail_on) else 0
