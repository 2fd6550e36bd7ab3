"""Replaces a function of a library by one that watches it, keeping its name and its place."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

Function = Callable[..., Any]


def wrap(owner: Any, name: str, make: Callable[[Function], Function]) -> bool:
    """Replace `owner.name` by `make(original)`; False if it is not there.

    Class and static methods stay what they are. Only the owner's own attribute is replaced, so a
    subclass that inherits it needs no second patch.
    """
    own = vars(owner).get(name)
    if own is None:
        return False
    if isinstance(own, classmethod | staticmethod):
        setattr(owner, name, type(own)(_named(make(own.__func__), own.__func__)))
    else:
        setattr(owner, name, _named(make(own), own))
    return True


def _named(replacement: Function, original: Function) -> Function:
    return update_wrapper(replacement, original)
