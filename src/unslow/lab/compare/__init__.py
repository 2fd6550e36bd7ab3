"""Judges any change: two versions of an application, one verdict."""

from unslow.lab.compare._options import MAX_SLOWDOWN, Measure, Options
from unslow.lab.compare._programs import are_urls, commands, started_by
from unslow.lab.compare.comparing import compare
from unslow.lab.compare.versions import (
    NothingToCompare,
    Version,
    Versions,
    place,
    prepared,
    resolve,
)

__all__ = [
    "MAX_SLOWDOWN",
    "Measure",
    "NothingToCompare",
    "Options",
    "Version",
    "Versions",
    "are_urls",
    "commands",
    "compare",
    "place",
    "prepared",
    "resolve",
    "started_by",
]
