"""The target: finds the application, starts it observed on clones of its data, stops it."""

from unslow.lab.target._copy import copied
from unslow.lab.target._discover import NotFound, discover
from unslow.lab.target._lab import Lab
from unslow.lab.target._running import Running
from unslow.lab.target._settings import RouteMask, Settings, read_settings
from unslow.lab.target._tree import source_files
from unslow.lab.target._types import (
    Cpu,
    Database,
    Description,
    Level,
    Start,
    StartFailed,
    Target,
    Tree,
)
from unslow.lab.target._wire import Effect

__all__ = [
    "Cpu",
    "Database",
    "Description",
    "Effect",
    "Lab",
    "Level",
    "NotFound",
    "RouteMask",
    "Running",
    "Settings",
    "Start",
    "StartFailed",
    "Target",
    "Tree",
    "copied",
    "discover",
    "read_settings",
    "source_files",
]
