"""The `unslow` command with its subcommands."""

from collections.abc import Sequence
from typing import Annotated

import typer

from unslow import __version__
from unslow.cli import (
    audit,
    check,
    demo,
    diagnose,
    fix,
    indexes,
    live,
    mcp,
    profile,
    prove,
    report,
    seed,
    selftest,
    token,
    workload,
)

app = typer.Typer(
    name="unslow",
    help="Takes a Python backend from slow to fast, and proves it.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    audit.audit,
    prove.prove,
    check.check,
    diagnose.diagnose,
    fix.fix,
    report.report,
    indexes.indexes,
    live.live,
    selftest.selftest,
    seed.seed,
    mcp.mcp,
    demo.demo,
    token.token,
):
    app.command()(command)
app.add_typer(profile.app)
app.add_typer(workload.app)


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    if version:
        print(f"unslow {__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


def run(arguments: Sequence[str]) -> None:
    """Run the command; what stands after `--` starts the application and is no option of ours."""
    words = list(arguments)
    split = words.index("--") if "--" in words else len(words)
    app(args=words[:split], obj=tuple(words[split + 1 :]), prog_name="unslow")
