"""`unslow token`: a signed token that allows profiles of requests for a while."""

import os
from typing import Annotated

import typer

from unslow.cli._outcome import command
from unslow.cli._values import seconds
from unslow.errors import UsageError
from unslow.kit import _token
from unslow.kit.profiling import SECRET_VARIABLE


@command
def token(
    ttl: Annotated[str, typer.Option(help="How long it lasts: 90s, 15m or 24h at most.")] = "15m",
    route: Annotated[
        str, typer.Option(help="Only for this path or route template; for all if left out.")
    ] = "",
) -> int:
    """Print a token for `?profile=1`, signed with the secret in UNSLOW_SECRET."""
    secret = os.environ.get(SECRET_VARIABLE, "")
    if not secret:
        raise UsageError(
            f"{SECRET_VARIABLE} is not set: it is the secret that the application was started "
            f"with; make one with: {_token.MAKE_SECRET}"
        )
    print(_token.sign(secret, ttl_s=seconds(ttl, "--ttl"), route=route))
    return 0
