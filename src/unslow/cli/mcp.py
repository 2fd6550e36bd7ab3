"""`unslow mcp`: the judge for coding agents, over standard input and output."""

from pathlib import Path
from typing import Annotated

import typer

from unslow.cli._outcome import command
from unslow.errors import UnslowError

Words = list[str]
PARTS = ("mcp", "mcp_types", "pydantic", "anyio")


@command
def mcp(
    context: typer.Context,
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
) -> int:
    """Serve audit, findings, prove and check to a coding agent (Model Context Protocol).

    An MCP client starts it in the project's folder and talks to it over standard input and
    output. The application's usual start command may follow `--`.
    """
    try:
        from unslow.lab.mcp._child import Commands
        from unslow.lab.mcp.server import build
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in PARTS:
            raise
        raise UnslowError("the MCP SDK is missing; run: pip install 'unslow[mcp]'") from error
    options = (
        *((f"--login={login}",) if login else ()),
        *(f"--header={text}" for text in header or ()),
        *(f"--cookie={text}" for text in cookie or ()),
        *(f"--env={text}" for text in env or ()),
    )
    build(Path.cwd(), Commands(options, context.obj or ())).run("stdio")
    return 0
