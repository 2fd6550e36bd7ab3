"""`unslow demo`: the shop, audited, fixed and proven on this machine."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from unslow.cli._outcome import command


@command
def demo(
    flavour: Annotated[
        Literal["django", "fastapi", "both"], typer.Option(help="Which shop to audit.")
    ] = "both",
    size: Annotated[
        Literal["small", "medium"], typer.Option(help="How many orders: 500 or 20 000.")
    ] = "medium",
    keep: Annotated[
        Path | None, typer.Option(help="Keep the shops and the reports in this folder.")
    ] = None,
) -> int:
    """Audit the slow shop, prove the fixes and write the fast shop beside it."""
    raise NotImplementedError
