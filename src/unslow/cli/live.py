"""`unslow live`: watch the requests of a development server on a local page."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from unslow.cli._outcome import command

SILENT = (
    "unslow live: no Python process of the application has reported yet. Does the command start "
    "it, by Python 3.11 or later, without -I, -E or -S?"
)


@command
def live(
    context: typer.Context,
    target: Annotated[
        str | None, typer.Argument(help="A folder, a manage.py or module:attr; found if left out.")
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            metavar="PORT",
            min=0,
            max=65535,
            help="Where the page listens; a free port if left out.",
        ),
    ] = 0,
    editor: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Opens the links: vscode, cursor, pycharm, sublime, zed, or a template such as "
            "'idea://open?file={path}&line={line}'.",
        ),
    ] = None,
    values: Annotated[
        bool, typer.Option("--values", help="Show the statements with their parameters.")
    ] = False,
    env: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A variable for the application."),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(metavar="PACKAGE", help="Installed, and application code too."),
    ] = None,
) -> int:
    """Watch the requests of a development server as they happen.

    Starts the application by its own command, which may follow `--`, and serves a page on
    127.0.0.1: a waterfall of each request, repeated queries, findings with their lines. The
    application works on its own database and services; nothing is cloned, redirected or blocked.
    Ctrl-C ends both.

        unslow live -- python manage.py runserver
    """
    from dataclasses import replace

    from unslow.cli._values import pairs
    from unslow.lab.live import Options, serving
    from unslow.lab.target import discover, read_settings

    settings = read_settings(Path.cwd())
    settings = replace(settings, env={**settings.env, **pairs(env, "=", "--env")})
    words = context.obj or ()
    found = discover(target, words, cwd=Path.cwd(), sources=source or (), settings=settings)
    found = serving.development(found, words or settings.command)
    options = Options(port=port, editor=editor or settings.editor, values=values)

    def say(url: str) -> None:
        if not url:
            print(SILENT, file=sys.stderr, flush=True)
            return
        print(f"unslow live  {url}", file=sys.stderr)
        print(f"             {' '.join(found.command)}", file=sys.stderr)
        print("             on its own database: nothing is cloned, redirected or blocked",
              file=sys.stderr, flush=True)  # fmt: skip

    try:
        serving.live(found, options, say)
    except KeyboardInterrupt:
        print("\nunslow live: the application and the page have ended", file=sys.stderr)
    return 0
