"""The `[tool.unslow.budget]` table: which limit holds for which endpoint."""

import difflib
import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from unslow.errors import UsageError
from unslow.model.budget import COUNTERS

DEFAULT = "default"
TIME = "time"
LIMITS = (*COUNTERS, TIME)
TABLE = "[tool.unslow.budget]"
EXAMPLE = '"GET orders/" = { queries = 3, time = "5%" }'
_BYTES = {"": 1, "b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3}
_BYTES |= {"kib": 1024, "mib": 1024**2, "gib": 1024**3}
_WILD = frozenset("*?[]")


@dataclass(frozen=True)
class Limit:
    """How much is allowed, and the glob whose entry says so. A time is a share: 0.05 is 5 %."""

    value: float
    glob: str


@dataclass(frozen=True)
class Rule:
    """One entry of the table: a glob of endpoints, and its limits by name."""

    glob: str
    limits: Mapping[str, float]

    def matches(self, endpoint: str) -> bool:
        return self._is_exact(endpoint) or any(
            fnmatch.fnmatchcase(name, _plain(self.glob)) for name in _names(endpoint)
        )

    def weight(self, endpoint: str) -> float:
        """How specific the glob is: its literal characters; the endpoint itself is most so."""
        if self._is_exact(endpoint):
            return float("inf")
        return sum(letter not in _WILD for letter in _plain(self.glob))

    def _is_exact(self, endpoint: str) -> bool:
        return _plain(self.glob) in _names(endpoint)


@dataclass(frozen=True)
class Rules:
    """The whole table. `where` names the file for messages."""

    rules: tuple[Rule, ...] = ()
    default: Mapping[str, float] | None = None
    where: str = "pyproject.toml"

    def limits(self, endpoint: str) -> dict[str, Limit]:
        """Each limit by name, from the most specific entry that sets it, else from the default.

        Raises `UsageError` when two equally specific entries disagree.
        """
        found = {name: Limit(value, DEFAULT) for name, value in (self.default or {}).items()}
        matching = [rule for rule in self.rules if rule.matches(endpoint)]
        for name in LIMITS:
            setting = [rule for rule in matching if name in rule.limits]
            if setting:
                found[name] = self._most_specific(name, setting, endpoint)
        return found

    def require_known(self, endpoints: Iterable[str]) -> None:
        """Raise `UsageError` for an entry that matches none of the application's endpoints."""
        known = tuple(endpoints)
        for rule in self.rules:
            if not any(rule.matches(endpoint) for endpoint in known):
                near = difflib.get_close_matches(rule.glob, known, 1, 0.5)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise UsageError(
                    f"{self.where}: {TABLE} {rule.glob!r} matches no endpoint of the application."
                    f"{hint} Mend or remove it; `unslow check --suggest` lists the endpoints."
                )

    def _most_specific(self, name: str, setting: Sequence[Rule], endpoint: str) -> Limit:
        best = max(rule.weight(endpoint) for rule in setting)
        first, *others = [rule for rule in setting if rule.weight(endpoint) == best]
        for other in others:
            if other.limits[name] != first.limits[name]:
                raise UsageError(
                    f"{self.where}: {TABLE} {first.glob!r} and {other.glob!r} are equally "
                    f"specific for {endpoint} and set different limits for {name}. Make one of "
                    "them longer, or give the endpoint an entry of its own."
                )
        return Limit(first.limits[name], first.glob)


def read_rules(table: Mapping[str, object], where: str) -> Rules:
    """The rules of a parsed table. Raises `UsageError` that names the entry and the remedy."""
    rules: list[Rule] = []
    default: Mapping[str, float] | None = None
    for glob, entry in table.items():
        if glob in LIMITS:
            raise UsageError(
                f"{where}: {TABLE} {glob!r} is a limit where a route is expected; write "
                f"{DEFAULT} = {{ {glob} = ... }} for all routes."
            )
        limits = dict(_limits(glob, entry, where))
        if glob == DEFAULT:
            default = limits
        else:
            rules.append(Rule(glob, limits))
    _refuse_twins(rules, where)
    return Rules(tuple(rules), default, where)


def _limits(glob: str, entry: object, where: str) -> Iterator[tuple[str, float]]:
    place = f"{where}: {TABLE} {glob!r}"
    if not isinstance(entry, dict) or not entry:
        raise UsageError(f"{place} is no table of limits; write it as {EXAMPLE}")
    for name, value in entry.items():
        if name not in LIMITS:
            near = difflib.get_close_matches(name, LIMITS, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise UsageError(f"{place} has no limit {name!r}. Known: {', '.join(LIMITS)}.{hint}")
        yield name, _value(name, value, f"{place} {name} = {value!r}")


def _value(name: str, value: object, place: str) -> float:
    if name == TIME:
        match = (
            re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", value) if isinstance(value, str) else None
        )
        if match is None:
            raise UsageError(f'{place}: write the slowdown that is allowed as a share, like "5%"')
        return float(match[1]) / 100
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return float(value)
    size = _size(value) if name == "bytes" and isinstance(value, str) else None
    if size is None:
        text = ' or a text like "40 kB"' if name == "bytes" else ""
        raise UsageError(f"{place}: write a whole number, 0 or more{text}")
    return size


def _size(text: str) -> float | None:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?i?b?)\s*", text.lower())
    if match is None or match[2] not in _BYTES:
        return None
    return float(int(float(match[1]) * _BYTES[match[2]]))


def _refuse_twins(rules: Sequence[Rule], where: str) -> None:
    """Two spellings of one glob may not say different things."""
    seen: dict[str, Rule] = {}
    for rule in rules:
        twin = seen.setdefault(_plain(rule.glob), rule)
        for name in twin.limits.keys() & rule.limits.keys():
            if twin.limits[name] != rule.limits[name]:
                raise UsageError(
                    f"{where}: {TABLE} {twin.glob!r} and {rule.glob!r} name the same routes and "
                    f"set different limits for {name}; keep one of them."
                )


def _plain(glob: str) -> str:
    """The glob without the slash that a route may or may not begin with."""
    first, space, route = glob.strip().partition(" ")
    return f"{first} {route.strip().removeprefix('/')}" if space else first.removeprefix("/")


def _names(endpoint: str) -> tuple[str, str]:
    """What a glob may match: `METHOD route` and `route`, without a leading slash."""
    whole = _plain(endpoint)
    return whole, whole.partition(" ")[2]
