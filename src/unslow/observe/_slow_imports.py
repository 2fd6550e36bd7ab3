"""Times the libraries that application modules import while the application starts."""

import builtins
import os
import sys
import time
from types import FrameType
from typing import Any

from unslow.observe import _sites, _wire

LEAST_S = 0.05  # less is not worth a second look

_found: dict[str, dict[str, Any]] = {}  # by package


def install() -> None:
    """Look at import statements of modules from now on."""
    original = builtins.__import__

    def __import__(name: str, *args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        module = original(name, *args, **kwargs)
        seconds = time.perf_counter() - started
        if seconds >= LEAST_S or name.partition(".")[0] in _found:
            _remember(name, seconds, sys._getframe(1))
        return module

    builtins.__import__ = __import__


def describe() -> dict[str, Any]:
    """`model.Import` of each, costliest first."""
    return {"imports": sorted(_found.values(), key=lambda one: -one["ms"])}


@_wire.safely
def _remember(name: str, seconds: float, frame: FrameType) -> None:
    code = frame.f_code
    package = name.partition(".")[0]
    if code.co_name != "<module>" or package in sys.stdlib_module_names:
        return
    importer = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    known = _found.get(package)
    if not _sites.is_application(code.co_filename):
        if known is not None and importer != package:
            known["is_shared"] = True
    elif known is not None:
        known["others"].append(_sites.site_of(frame))
    elif seconds >= LEAST_S and _is_library(package):
        _found[package] = {
            "module": name,
            "ms": seconds * 1000,
            "site": _sites.site_of(frame),
            "others": [],
            "is_shared": False,
        }


def _is_library(package: str) -> bool:
    file = getattr(sys.modules.get(package), "__file__", None) or ""
    return bool(file) and not _sites.is_application(os.path.abspath(file))
