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


# The string "False" of an environment variable is true: it would open profiles to everyone.
_KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "slow_routes": (Mapping, "a dictionary of routes and milliseconds"),
    "debug": ((bool, type(None)), "True or False"),
    "secret": (str, "a string"),
    "continuous": ((bool, type(None)), "True or False"),
    "metrics": (bool, "True or False"),
    "query_log": ((bool, Mapping), "True, False or a dictionary of its settings"),
    "telemetry": (bool, "True or False"),
}


def read(given: Mapping[str, Any]) -> Settings:
    """The settings by their names in lower case; an unknown name or kind is a `UsageError`."""
    if not isinstance(given, Mapping):
        raise UsageError(f"the settings are of type {type(given).__name__}; give a dictionary")
    known = [one.name for one in fields(Settings)]
    named = {str(name).lower(): value for name, value in given.items()}
    for name, value in named.items():
        if name not in known:
            raise UsageError(f"unslow has no setting {name!r}; there are {', '.join(known)}")
        kind, wanted = _KINDS.get(name, (object, ""))
        if not isinstance(value, kind):
            raise UsageError(f"{name} is of type {type(value).__name__}; give {wanted}")
    return Settings(**named)
