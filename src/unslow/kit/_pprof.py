"""Writes counted stacks as pprof reads them: gzip'd protobuf, with the route as a label.

The numbers of the fields are those of proto/profile.proto of github.com/google/pprof.
"""

import gzip
from collections.abc import Iterable

from unslow.kit._profile import Place
from unslow.kit._stacks import Snapshot

_VARINT, _BYTES = 0, 2


def pprof(snapshot: Snapshot) -> bytes:
    """A profile with two values per stack: how often it was seen, and the time that stands for."""
    table = _Table()
    period_ns = round(snapshot.period_s * 1e9)
    looks = _value_type(table, "samples", "count")
    wall = _value_type(table, "wall", "nanoseconds")
    samples = b"".join(
        _message(
            2,
            _packed(1, (table.location(place) for place in reversed(counted.stack))),
            _packed(2, (counted.looks, counted.looks * period_ns)),
            _message(3, _number(1, table.text("route")), _number(2, table.text(counted.route))),
        )
        for counted in snapshot.counted
    )
    return gzip.compress(
        b"".join(
            (
                _message(1, looks),
                _message(1, wall),
                samples,
                *table.written,
                _number(9, round(snapshot.started * 1e9)),
                _number(10, round(snapshot.seconds * 1e9)),
                _message(11, wall),
                _number(12, period_ns),
                _number(14, table.text("wall")),
                *(_field(6, text.encode("utf-8", "replace")) for text in table.texts),
            )
        ),
        mtime=0,
    )


class _Table:
    """Texts, functions and locations, each written once and then named by its number."""

    def __init__(self) -> None:
        self.texts: dict[str, int] = {"": 0}
        self.written: list[bytes] = []
        self._functions: dict[tuple[str, str, int], int] = {}
        self._locations: dict[Place, int] = {}

    def text(self, text: str) -> int:
        return self.texts.setdefault(text, len(self.texts))

    def location(self, place: Place) -> int:
        number = self._locations.get(place)
        if number is None:
            number = self._locations[place] = len(self._locations) + 1
            line = _message(4, _number(1, self._function(place)), _number(2, place.line))
            self.written.append(_message(4, _number(1, number), line))
        return number

    def _function(self, place: Place) -> int:
        key = (place.function, place.path, place.first_line)
        number = self._functions.get(key)
        if number is None:
            number = self._functions[key] = len(self._functions) + 1
            name = self.text(place.function)
            self.written.append(
                _message(
                    5,
                    _number(1, number),
                    _number(2, name),
                    _number(3, name),
                    _number(4, self.text(place.path)),
                    _number(5, place.first_line),
                )
            )
        return number


def _value_type(table: _Table, kind: str, unit: str) -> bytes:
    return _number(1, table.text(kind)) + _number(2, table.text(unit))


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def _number(field: int, number: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(number)


def _field(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(content)) + content


def _message(field: int, *parts: bytes) -> bytes:
    return _field(field, b"".join(parts))


def _packed(field: int, numbers: Iterable[int]) -> bytes:
    return _field(field, b"".join(map(_varint, numbers)))
