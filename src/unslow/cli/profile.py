"""`unslow profile`: switch the continuous profile of a running process, and save what it saw."""

from pathlib import Path
from typing import Annotated

import typer

from unslow.cli._outcome import command
from unslow.errors import UsageError
from unslow.kit import _profile_socket
from unslow.kit.continuous import HZ

FORMATS = {".json": "speedscope", ".gz": "pprof", ".pb": "pprof"}
ProcessArgument = Annotated[
    int, typer.Argument(metavar="PID", help="The process, such as a worker.")
]

app = typer.Typer(
    name="profile",
    help="Switch the continuous profile of a running process, and save it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
@command
def on(
    process: ProcessArgument,
    hz: Annotated[float, typer.Option(help="Looks per second, from 1 to 200.")] = HZ,
) -> int:
    """Begin a new profile."""
    _profile_socket.ask(process, f"on {hz:g}")
    print(f"process {process} is profiled, {hz:g} looks a second")
    return 0


@app.command()
@command
def off(process: ProcessArgument) -> int:
    """End the profile; it can still be saved."""
    _profile_socket.ask(process, "off")
    print(f"process {process} is not profiled any more")
    return 0


@app.command()
@command
def save(
    process: ProcessArgument,
    file: Annotated[Path, typer.Argument(help="speedscope's .json, or pprof's .pb.gz.")],
) -> int:
    """Write what was seen since the profile began; it goes on."""
    if file.suffix not in FORMATS:
        raise UsageError(f"{file}: write a name that ends in .json (speedscope) or .pb.gz (pprof)")
    content = _profile_socket.ask(process, FORMATS[file.suffix])
    try:
        file.write_bytes(content)
    except OSError as problem:
        raise UsageError(f"{file}: {problem.strerror}") from None
    print(f"wrote {file}: {len(content)} bytes")
    return 0
