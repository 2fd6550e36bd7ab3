"""Compares JSON values by path; what differs between two equal applications is masked."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TypeGuard

from unslow.lab.prove import _kinds

Key = str | int
Path = tuple[Key, ...]
Value = None | bool | int | str | list["Value"] | dict[str, "Value"]

SHOWN_CHARACTERS = 60
CLAIMS = "(token's claims)"


@dataclass(frozen=True)
class Difference:
    """The first place where two documents part: `path: before -> after`."""

    path: Path
    before: str
    after: str
    order: bool = False  # the same items in another order

    def __str__(self) -> str:
        return f"{display(self.path)}: {self.before} -> {self.after}".lstrip(": ")


@dataclass(frozen=True)
class Mask:
    """Noise at a path; list positions are `*`.

    `how` is a kind of value (`_kinds.Kind`, "number", "boolean"), or "order": the same items in
    another order, "length": items more or fewer of the same shape, "keys": other keys with the
    same values, "shape": anything at all.
    """

    path: tuple[str, ...]
    how: str

    def __str__(self) -> str:
        return f"{display(tuple(self.path)) or 'body'} ({self.how})"


Masks = dict[tuple[str, ...], frozenset[str]]


def by_path(masks: Iterable[Mask]) -> Masks:
    """What is masked at each path."""
    ordered = sorted(masks, key=lambda mask: mask.path)
    grouped = groupby(ordered, key=lambda mask: mask.path)
    return {path: frozenset(mask.how for mask in group) for path, group in grouped}


def parse(body: bytes | str) -> Value:
    """The document with its numbers exact: `1.0` stays another text than `1`."""
    value: Value = json.loads(body, parse_float=_Number, parse_constant=_Number)
    return value


class _Number(str):
    """A number that is not an integer, compared by its text."""

    __slots__ = ()


def learn(one: Value, other: Value, path: Path = ()) -> Iterator[Mask]:
    """The masks that make two answers of identical code equal."""
    if one == other and type(one) is type(other):
        return
    if isinstance(one, dict) and isinstance(other, dict):
        yield from _learn_object(one, other, path)
    elif isinstance(one, list) and isinstance(other, list):
        yield from _learn_list(one, other, path)
    else:
        yield from _learn_scalar(one, other, path)


def _learn_scalar(one: Value, other: Value, path: Path) -> Iterator[Mask]:
    if _is_text(one) and _is_text(other):
        first, second = _opened(one), _opened(other)
        if first is not None and second is not None:
            yield from learn(first, second, (*path, CLAIMS))
        else:
            yield Mask(pattern(path), _kinds.common(one, other))
    elif (numbers := _numbers(one, other)) is not None:
        yield Mask(pattern(path), _kinds.number_kind(*numbers))
    elif isinstance(one, bool) and isinstance(other, bool):
        yield Mask(pattern(path), "boolean")
    else:
        yield Mask(pattern(path), "shape")


def _learn_object(one: dict[str, Value], other: dict[str, Value], path: Path) -> Iterator[Mask]:
    single = [key for key in (*one, *other) if key not in one or key not in other]
    if len(one) == len(other) and single and all(_kinds.blank(key) != key for key in single):
        yield Mask(pattern(path), "keys")
        return
    for key in single:
        yield Mask(pattern((*path, key)), "shape")
    for key in one:
        if key in other:
            yield from learn(one[key], other[key], (*path, key))


def _learn_list(one: list[Value], other: list[Value], path: Path) -> Iterator[Mask]:
    if len(one) != len(other):
        yield Mask(pattern(path), "length")
        return
    if _is_reordered(one, other):
        yield Mask(pattern(path), "order")
        one, other = _ordered(one), _ordered(other)
    for position, (left, right) in enumerate(zip(one, other, strict=True)):
        yield from learn(left, right, (*path, position))


def differences(before: Value, after: Value, masks: Masks, path: Path = ()) -> Iterator[Difference]:
    """Every difference that no mask covers, in document order."""
    if before == after and type(before) is type(after) and not isinstance(before, dict | list):
        return
    here = masks.get(pattern(path), frozenset())
    if "shape" in here:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _object_differences(before, after, masks, path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _list_differences(before, after, masks, path)
    elif not _is_covered(before, after, here):
        yield from _scalar_differences(before, after, masks, path)


def _is_covered(before: Value, after: Value, hows: frozenset[str]) -> bool:
    if not hows:
        return False
    if _is_text(before) and _is_text(after):
        return any(_kinds.fits(how, before, after) for how in hows)
    if (numbers := _numbers(before, after)) is not None:
        return any(_kinds.number_fits(how, *numbers) for how in hows)
    return isinstance(before, bool) and isinstance(after, bool) and "boolean" in hows


def _scalar_differences(
    before: Value, after: Value, masks: Masks, path: Path
) -> Iterator[Difference]:
    if isinstance(before, str) and isinstance(after, str):
        first, second = _opened(before), _opened(after)
        if first is not None and second is not None:
            yield from differences(first, second, masks, (*path, CLAIMS))
            return
    yield Difference(path, show(before), show(after))


def _object_differences(
    before: dict[str, Value], after: dict[str, Value], masks: Masks, path: Path
) -> Iterator[Difference]:
    if "keys" in masks.get(pattern(path), ()) and len(before) == len(after):
        if [_signature(value) for value in _ordered(list(before.values()))] != [
            _signature(value) for value in _ordered(list(after.values()))
        ]:
            yield Difference(path, "values", "other values")
        return
    for key in dict.fromkeys((*before, *after)):
        here = (*path, key)
        if key in before and key in after:
            yield from differences(before[key], after[key], masks, here)
        elif "shape" not in masks.get(pattern(here), ()):
            yield Difference(here, *_present(before, after, key))


def _present(before: dict[str, Value], after: dict[str, Value], key: str) -> tuple[str, str]:
    return (
        show(before[key]) if key in before else "missing",
        show(after[key]) if key in after else "missing",
    )


def _list_differences(
    before: list[Value], after: list[Value], masks: Masks, path: Path
) -> Iterator[Difference]:
    hows = masks.get(pattern(path), frozenset())
    if before == after and _text(before) == _text(after):
        return
    if "length" in hows:
        known = {_signature(item) for item in before}
        strange = next((item for item in after if known and _signature(item) not in known), None)
        if strange is not None:
            yield Difference(path, "items", f"an item unlike them: {_signature(strange)}")
        return
    if len(before) != len(after):
        yield Difference(path, _items(before), _items(after))
    elif "order" in hows:
        before, after = _ordered(before), _ordered(after)
    order = "order" not in hows and _is_reordered(before, after)
    for position, (left, right) in enumerate(zip(before, after, strict=False)):
        for found in differences(left, right, masks, (*path, position)):
            yield Difference(found.path, found.before, found.after, order or found.order)


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


def _is_text(value: Value) -> TypeGuard[str]:
    return isinstance(value, str) and not isinstance(value, _Number)


def _numbers(one: Value, other: Value) -> tuple[float, float] | None:
    """Both as numbers, whether written with a point or without."""
    found = []
    for value in (one, other):
        if isinstance(value, bool) or not isinstance(value, int | _Number):
            return None
        found.append(float(value))
    return found[0], found[1]


def _opened(text: str) -> Value:
    """What a signed text says: a token's claims, the payload before a time and a signature."""
    said = _kinds.claims(text)
    return said if isinstance(said, dict | list) else _kinds.unsigned(text)


def _is_reordered(one: list[Value], other: list[Value]) -> bool:
    if len(one) != len(other) or len(one) < 2:
        return False
    first, second = list(map(_skeleton, one)), list(map(_skeleton, other))
    return first != second and sorted(first) == sorted(second)


def _ordered(items: list[Value]) -> list[Value]:
    return sorted(items, key=lambda item: (_skeleton(item), _text(item)))


def _skeleton(value: Value) -> str:
    """The value as text without what is often noise in it."""
    return _text(_blanked(value))


def _blanked(value: Value) -> Value:
    if isinstance(value, dict):
        return {key: _blanked(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_blanked(inner) for inner in value]
    return _kinds.blank(value) if isinstance(value, str) else value


def _signature(value: Value) -> str:
    """The value's shape: keys and types."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_signature(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(sorted({_signature(item) for item in value})) + "]"
    if isinstance(value, _Number) or (isinstance(value, int) and not isinstance(value, bool)):
        return "number"
    return "null" if value is None else type(value).__name__


def _text(value: Value) -> str:
    return json.dumps(value, sort_keys=True)
