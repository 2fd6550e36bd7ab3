"""The command line: one file per command, each with arguments and exit codes and no analysis."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `unslow`; leaves by SystemExit with the exit code.

    What stands after `--` is the start command of the application, never an option of ours.
    """
    import typer

    from unslow.cli import audit, demo, diagnose, fix, report

    words = list(sys.argv[1:] if arguments is None else arguments)
    split = words.index("--") if "--" in words else len(words)
    app = typer.Typer(
        name="unslow",
        help="Takes a Python backend from slow to fast, and proves it.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for command in (audit.audit, diagnose.diagnose, fix.fix, report.report, demo.demo):
        app.command()(command)
    app(args=words[:split], obj=tuple(words[split + 1 :]), prog_name="unslow")


def _options(version: bool = False) -> None:
    if version:
        import typer

        from unslow import __version__

        print(f"unslow {__version__}")
        raise typer.Exit
