"""Writes Django's URL patterns as route templates."""

from __future__ import annotations

import re
from functools import lru_cache

_NAMED_GROUP = re.compile(r"\(\?P<(\w+)>")
_ANCHORS = re.compile(r"\\[AbBZ]|(?<!\\)[\^$]")


@lru_cache(maxsize=4096)
def template(route: str) -> str:
    """`^api/orders/(?P<pk>[^/.]+)/$` as `api/orders/<pk>/`; a path() route stays as it is."""
    if "(" not in route and "\\" not in route and "^" not in route and "$" not in route:
        return route
    text = _replace_groups(route)
    text = _ANCHORS.sub("", text)
    return re.sub(r"\\(.)", r"\1", text).replace("?", "")


def groups(route: str) -> dict[str, str]:
    """The pattern of each named group of a regular expression."""
    return {
        match[1]: route[match.end() : _end(route, match.start()) - 1]
        for match in _NAMED_GROUP.finditer(route)
    }


def _replace_groups(route: str) -> str:
    text, at, unnamed = "", 0, 0
    while at < len(route):
        if route[at] == "\\":
            text += route[at : at + 2]
            at += 2
        elif route[at] == "(":
            end = _end(route, at)
            named = _NAMED_GROUP.match(route, at)
            if named:
                text += f"<{named[1]}>"
            elif not route.startswith("(?", at):
                text += f"<var{unnamed or ''}>"
                unnamed += 1
            at = end
        else:
            text += route[at]
            at += 1
    return text


def _end(route: str, start: int) -> int:
    """The offset behind the parenthesis that closes the one at `start`."""
    depth, at, in_class = 0, start, False
    while at < len(route):
        char = route[at]
        if char == "\\":
            at += 1
        elif in_class:
            in_class = char != "]"
        elif char == "[":
            in_class = True
            at += route[at + 1 : at + 2] == "^"
            at += route[at + 1 : at + 2] == "]"
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return len(route)
