"""Looks for what would make the middleware measure wrongly, and says so once, at start-up."""

import logging
import sys
from collections.abc import Sequence
from functools import partial
from types import ModuleType
from typing import Any

from unslow.observe import _application, _imports, _wire
from unslow.observe.uncloned import MODULES as UNWATCHED

LOGGER = logging.getLogger("unslow")
DJANGO = "unslow.kit.django.Middleware"

_said: set[str] = set()


def say(message: str) -> None:
    """Warn, once for each process."""
    if message not in _said:
        _said.add(message)
        LOGGER.warning(message)


@_wire.safely
def drivers() -> None:
    """Warn when a driver is imported whose statements nothing sees."""
    for name in UNWATCHED:
        if name not in _watched:
            _watched.add(name)
            _imports.after(name, partial(_driver, name))


_watched: set[str] = set()


def _driver(name: str, module: ModuleType) -> None:
    # Through Django and SQLAlchemy, the statements of any driver are seen.
    if not any(orm in sys.modules for orm in ("django.db", "sqlalchemy")):
        say(
            f"unslow does not watch {name}: its queries are counted only through Django or "
            "SQLAlchemy, and their time appears as waiting."
        )


@_wire.safely
def django(middleware: Sequence[str]) -> None:
    """Warn of a wrong `MIDDLEWARE`."""
    places = [number for number, name in enumerate(middleware) if name == DJANGO]
    if len(places) > 1:
        say(
            f"{DJANGO} is {len(places)} times in MIDDLEWARE; the outermost counts, remove the "
            "others."
        )
    if places and places[0] > 0:
        before = ", ".join(middleware[: places[0]])
        say(
            f"{DJANGO} is number {places[0] + 1} in MIDDLEWARE: what {before} does is not measured."
            " Put it first."
        )


@_wire.safely
def around(app: object, own: type) -> None:
    """Warn of an application that has a middleware of unslow already."""
    for layer in _application._layers(app):
        added = [getattr(one, "cls", None) for one in _added(layer)]
        if isinstance(layer, own) or own in added or _is_django(layer):
            say(
                "unslow's middleware is there twice: around the application and in it. The "
                "outermost counts, remove the other."
            )
            return


@_wire.safely
def outermost(app: object, own: type) -> None:
    """Warn where a Starlette application has another middleware around ours."""
    added = _added(app)
    places = [number for number, one in enumerate(added) if getattr(one, "cls", None) is own]
    if places and places[0] > 0:
        names = [getattr(one.cls, "__name__", "?") for one in added[: places[0]]]
        say(
            f"unslow's middleware is added before {', '.join(names)}, whose work is therefore not "
            "measured. Add it last: it is then the outermost."
        )


def _added(layer: object) -> list[Any]:
    found = getattr(layer, "user_middleware", None)
    return found if isinstance(found, list) else []


def _is_django(layer: object) -> bool:
    handlers = sys.modules.get("django.core.handlers.base")
    if handlers is None or not isinstance(layer, handlers.BaseHandler):
        return False
    return DJANGO in sys.modules["django.conf"].settings.MIDDLEWARE
