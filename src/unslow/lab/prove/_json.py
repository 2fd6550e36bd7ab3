"""Compares JSON values by path; what differs between two equal applications is masked."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Key = str | int
Path = tuple[Key, ...]
Value = None | bool | int | str | list["Value"] | dict[str, "Value"]
How = Literal["value", "order", "shape"]

SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class Difference:
    """The first place where two documents part: `path: before -> after`."""

    path: Path
    before: str
    after: str

    def __str__(self) -> str:
        return f"{display(self.path)}: {self.before} -> {self.after}".lstrip(": ")


@dataclass(frozen=True)
class Mask:
    """Noise at a path; list positions are `*`. How: another value of the same type, the same
    items in another order, or anything at all."""

    path: tuple[str, ...]
    how: How

    def __str__(self) -> str:
        return f"{display(tuple(self.path)) or 'body'} ({self.how})"


def parse(body: bytes) -> Value:
    """The document with its numbers exact: `1.0` stays another text than `1`."""
    value: Value = json.loads(body, parse_float=_Number, parse_constant=_Number)
    return value


class _Number(str):
    """A number that is not an integer, compared by its text."""

    __slots__ = ()


def learn(one: Value, other: Value, path: Path = ()) -> Iterator[Mask]:
    """The masks that make two answers of identical code equal."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from learn(one[key], other[key], (*path, key))
    elif isinstance(one, list) and isinstance(other, list):
        yield from _learn_list(one, other, path)
    elif type(one) is not type(other) or isinstance(one, dict):
        yield Mask(pattern(path), "shape")
    elif one != other:
        yield Mask(pattern(path), "value")


def _learn_list(one: list[Value], other: list[Value], path: Path) -> Iterator[Mask]:
    if one == other:
        return
    if len(one) != len(other):
        yield Mask(pattern(path), "shape")
    elif sorted(map(_text, one)) == sorted(map(_text, other)):
        yield Mask(pattern(path), "order")
    else:
        for position, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from learn(left, right, (*path, position))


def differences(
    before: Value, after: Value, masks: frozenset[Mask], path: Path = ()
) -> Iterator[Difference]:
    """Every difference that no mask covers, in document order."""
    place = pattern(path)
    if Mask(place, "shape") in masks:
        return
    if type(before) is not type(after):
        yield Difference(path, show(before), show(after))
    elif isinstance(before, dict) and isinstance(after, dict):
        yield from _object_differences(before, after, masks, path)
    elif isinstance(before, list) and isinstance(after, list):
        if Mask(place, "order") in masks:
            before, after = sorted(before, key=_text), sorted(after, key=_text)
        yield from _list_differences(before, after, masks, path)
    elif before != after and Mask(place, "value") not in masks:
        yield Difference(path, show(before), show(after))


def _object_differences(
    before: dict[str, Value], after: dict[str, Value], masks: frozenset[Mask], path: Path
) -> Iterator[Difference]:
    for key in dict.fromkeys((*before, *after)):
        here = (*path, key)
        if key in before and key in after:
            yield from differences(before[key], after[key], masks, here)
        elif Mask(pattern(here), "shape") not in masks:
            yield Difference(here, *_present(before, after, key))


def _present(before: dict[str, Value], after: dict[str, Value], key: str) -> tuple[str, str]:
    return (
        show(before[key]) if key in before else "missing",
        show(after[key]) if key in after else "missing",
    )


def _list_differences(
    before: list[Value], after: list[Value], masks: frozenset[Mask], path: Path
) -> Iterator[Difference]:
    if len(before) != len(after):
        yield Difference(path, _items(before), _items(after))
    for position, (left, right) in enumerate(zip(before, after, strict=False)):
        yield from differences(left, right, masks, (*path, position))


def pattern(path: Iterable[Key]) -> tuple[str, ...]:
    return tuple("*" if isinstance(key, int) else key for key in path)


def display(path: Path) -> str:
    """`[3].customer.name` for `(3, "customer", "name")`."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) or key == "*" else f".{key}"
    return text.removeprefix(".")


def show(value: Value) -> str:
    text = str(value) if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)
    return shorten(text)


def shorten(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."


def _items(value: list[Value]) -> str:
    return "1 item" if len(value) == 1 else f"{len(value)} items"


def _text(value: Value) -> str:
    return json.dumps(value, sort_keys=True)
