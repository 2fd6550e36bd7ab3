"""Reads pprof's protobuf for the tests, knowing nothing of how it was written."""

import gzip
from collections import defaultdict
from typing import Any

Fields = dict[int, list[Any]]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        number |= (data[at] & 0x7F) << shift
        at += 1
        shift += 7
        if not data[at - 1] & 0x80:
            return number, at


def message(data: bytes) -> Fields:
    """The fields of a message: numbers as they are, the rest as bytes."""
    fields: Fields = defaultdict(list)
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        assert kind in (0, 2), f"wire type {kind}"
        value, at = _varint(data, at)
        if kind == 2:
            assert at + value <= len(data)
            value, at = data[at : at + value], at + value
        fields[number].append(value)
    return fields


def _packed(data: bytes) -> list[int]:
    numbers, at = [], 0
    while at < len(data):
        number, at = _varint(data, at)
        numbers.append(number)
    return numbers


def pprof(content: bytes) -> dict[str, Any]:
    """A profile with its texts in place: samples as (stack innermost first, values, labels)."""
    fields = message(gzip.decompress(content))
    texts = [text.decode() for text in fields[6]]
    assert texts[0] == ""

    def kind(data: bytes) -> tuple[str, str]:
        found = message(data)
        return texts[found[1][0]], texts[found[2][0]]

    functions = {}
    for data in fields[5]:
        found = message(data)
        functions[found[1][0]] = (texts[found[2][0]], texts[found[4][0]], found[5][0])
    locations = {}
    for data in fields[4]:
        found = message(data)
        line = message(found[4][0])
        locations[found[1][0]] = (*functions[line[1][0]], line[2][0])
    samples = []
    for data in fields[2]:
        found = message(data)
        labels = {
            texts[label[1][0]]: texts[label[2][0]] for label in (message(one) for one in found[3])
        }
        stack = [locations[number] for number in _packed(found[1][0])]
        samples.append((stack, _packed(found[2][0]), labels))
    return {
        "types": [kind(data) for data in fields[1]],
        "samples": samples,
        "time_nanos": fields[9][0],
        "duration_nanos": fields[10][0],
        "period_type": kind(fields[11][0]),
        "period": fields[12][0],
        "default": texts[fields[14][0]],
    }
