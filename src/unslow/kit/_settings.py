"""Reads the settings of the middleware, the same for every framework."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from unslow.errors import UsageError

SLOW_MS = 500.0  # a second is where a person's flow of thought breaks (Nielsen 1993); half of it


@dataclass(frozen=True)
class Settings:
    """What a middleware was asked for; each part of the kit documents its own."""

    slow_ms: float = SLOW_MS
    slow_routes: Mapping[str, float] = field(default_factory=dict)  # route -> its own slow_ms
    debug: bool | None = None  # who may see profiles; None: ask the framework
    secret: str = field(default="", repr=False)  # signs the tokens of profiles
    continuous: bool | None = None  # profile all the time; False: when it is switched on
    metrics: bool = False  # count for Prometheus
    query_log: bool | Mapping[str, Any] = False  # log every query; settings of `query_log.start`
    telemetry: bool = False  # spans and metrics for OpenTelemetry


def read(given: Mapping[str, Any]) -> Settings:
    """The settings by their names in lower case; an unknown name is a `UsageError`."""
    known = [one.name for one in fields(Settings)]
    named = {name.lower(): value for name, value in given.items()}
    for name in named:
        if name not in known:
            raise UsageError(f"unslow has no setting {name!r}; there are {', '.join(known)}")
    return Settings(**named)
