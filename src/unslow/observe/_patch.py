"""Replaces a function of a library by one that watches it, keeping its name and its place."""

from collections.abc import Callable
from contextlib import suppress
from functools import update_wrapper
from typing import Any

Function = Callable[..., Any]

MADE = "__unslow_made__"  # on a replacement: the code of all that replaced it


def wrap(owner: Any, name: str, make: Callable[[Function], Function]) -> bool:
    """Replace `owner.name` by `make(original)`; False if it is not there.

    Class and static methods stay what they are. Only the owner's own attribute is replaced, so a
    subclass that inherits it needs no second patch. The same `make` replaces it once.
    """
    own = vars(owner).get(name)
    if own is None:
        return False
    static = isinstance(own, classmethod | staticmethod)
    original = own.__func__ if static else own
    made = getattr(original, MADE, ())
    code = getattr(make, "__code__", make)
    if code in made:
        return True
    replacement = update_wrapper(make(original), original)
    with suppress(AttributeError):
        setattr(replacement, MADE, (*made, code))
    setattr(owner, name, type(own)(replacement) if static else replacement)
    return True


def listen(event: Any, target: Any, name: str, listener: Function) -> None:
    """Register a listener with `sqlalchemy.event`, once."""
    if not event.contains(target, name, listener):
        event.listen(target, name, listener)


def disguised(observed: Any, base: Any) -> Any:
    """Let a subclass that watches go by the name of the class that it stands for."""
    observed.__name__ = base.__name__
    observed.__qualname__ = base.__qualname__
    observed.__module__ = base.__module__
    return observed
