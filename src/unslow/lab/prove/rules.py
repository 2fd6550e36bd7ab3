"""The user's own masks: parts of answers that `[tool.unslow.mask]` keeps out of the comparison."""

import fnmatch
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from unslow.lab.prove._json import Value
from unslow.lab.target import RouteMask

MASKED = "(masked)"
_STEP = re.compile(r"\[(\*|\d+)\]|\.?([^.\[\]]+)")
_TEXTS = frozenset({"html", "xml", "text", "table"})


def steps(path: str) -> tuple[str, ...]:
    """`results[*].seen_at` as ("results", "*", "seen_at"); `**` stands for any depth."""
    return tuple(found[1] or found[2] for found in _STEP.finditer(path.removeprefix("$")))


@dataclass
class Rules:
    """Applies masks by route glob, and knows which of them met anything."""

    masks: Mapping[str, RouteMask] = field(default_factory=dict)
    _met: set[tuple[str, str, str]] = field(default_factory=set)
    _known: dict[str, tuple[tuple[str, RouteMask], ...]] = field(default_factory=dict)

    def headers(self, endpoint: str, headers: Mapping[str, Value]) -> Value:
        kept = dict(headers)
        for glob, mask in self._of(endpoint):
            for name in mask.headers:
                if kept.pop(name.lower(), None) is not None:
                    self._meet(glob, endpoint, f"header {name}")
        return kept

    def text(self, endpoint: str, body: bytes, media: str) -> bytes:
        for glob, mask in self._of(endpoint):
            for pattern in mask.text if media in _TEXTS else ():
                said, count = re.subn(pattern, MASKED, body.decode("utf-8", "replace"))
                if count:
                    self._meet(glob, endpoint, f"text {pattern}")
                    body = said.encode()
        return body

    def value(self, endpoint: str, value: Value) -> Value:
        for glob, mask in self._of(endpoint):
            for path in mask.json:
                value, met = _without(value, steps(path))
                if met:
                    self._meet(glob, endpoint, path)
            for pattern in mask.text:
                value, met = _replaced(value, re.compile(pattern))
                if met:
                    self._meet(glob, endpoint, f"text {pattern}")
        return value

    def used(self, endpoints: Collection[str]) -> tuple[str, ...]:
        """The rules that met something in these endpoints, as readable names."""
        return tuple(
            f"{endpoint}: {name} (your mask)"
            for _, endpoint, name in sorted(self._met)
            if endpoint in endpoints
        )

    def unused(self) -> tuple[str, ...]:
        """The rules that met nothing: `GET /orders*: header x-id`."""
        met = {(glob, name) for glob, _, name in self._met}
        return tuple(
            f"{glob}: {name}"
            for glob, mask in self.masks.items()
            for name in (
                *mask.json,
                *(f"header {name}" for name in mask.headers),
                *(f"text {pattern}" for pattern in mask.text),
            )
            if (glob, name) not in met
        )

    def concern(self, endpoint: str) -> bool:
        return bool(self._of(endpoint))

    def _of(self, endpoint: str) -> tuple[tuple[str, RouteMask], ...]:
        if not self.masks:
            return ()
        if endpoint not in self._known:
            method, _, route = endpoint.partition(" ")
            names = (endpoint, route, "/" + route.lstrip("/"), f"{method} /{route.lstrip('/')}")
            self._known[endpoint] = tuple(
                (glob, mask)
                for glob, mask in self.masks.items()
                if any(fnmatch.fnmatchcase(name, glob) for name in names)
            )
        return self._known[endpoint]

    def _meet(self, glob: str, endpoint: str, name: str) -> None:
        self._met.add((glob, endpoint, name))


NO_RULES = Rules()


def _without(value: Value, path: tuple[str, ...]) -> tuple[Value, bool]:
    """The value with what the path leads to blanked, and whether it led anywhere."""
    if not path:
        return MASKED, True
    head, *tail = path
    rest = tuple(tail)
    if head == "**":
        value, here = _without(value, rest)
        value, below = _each(value, lambda _: path)
        return value, here or below
    return _each(value, lambda key: rest if head in ("*", key) else None)


def _each(value: Value, path_for: Callable[[str], tuple[str, ...] | None]) -> tuple[Value, bool]:
    """The value with each of its items blanked by the path for its key, if it has one."""
    met = False

    def inner(key: str, item: Value) -> Value:
        nonlocal met
        path = path_for(key)
        if path is None:
            return item
        left, found = _without(item, path)
        met |= found
        return left

    if isinstance(value, dict):
        return {key: inner(key, item) for key, item in value.items()}, met
    if isinstance(value, list):
        return [inner(str(place), item) for place, item in enumerate(value)], met
    return value, False


def _replaced(value: Value, pattern: re.Pattern[str]) -> tuple[Value, bool]:
    if isinstance(value, str) and type(value) is str:
        said, count = pattern.subn(MASKED, value)
        return said, count > 0
    met = False
    if isinstance(value, dict):
        changed: dict[str, Value] = {}
        for key, item in value.items():
            changed[key], found = _replaced(item, pattern)
            met |= found
        return changed, met
    if isinstance(value, list):
        items: list[Value] = []
        for item in value:
            left, found = _replaced(item, pattern)
            items.append(left)
            met |= found
        return items, met
    return value, False
