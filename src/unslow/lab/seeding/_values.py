"""Makes values of a column: within its type, its facts and its statistics."""

import json
from bisect import bisect
from collections.abc import Sequence
from datetime import UTC, time, timedelta
from itertools import accumulate
from random import Random
from re import search
from uuid import UUID

from unslow.lab.seeding import _texts, _words
from unslow.lab.seeding._distribution import like
from unslow.lab.seeding._fitting import TEXTS, text_of
from unslow.lab.seeding._making import Make, Unknown
from unslow.lab.seeding._moments import TIMES, TODAY, moment
from unslow.lab.seeding._numbers import FRACTIONS, WHOLE, fraction, number_of, whole
from unslow.lab.seeding.schema import Column, Facts, Type

NULLS = 0.1  # of a column that may be null
NOTHING = Facts()


def maker(table: str, column: Column, rows: int, facts: Facts = NOTHING) -> Make:
    """A function that makes values of the column, never null; for `rows` rows.

    Raises Unknown when the type is not known.
    """
    facts = column.facts & facts
    make = _plain(table, column, column.type, facts)
    return like(column, make, rows, facts) if column.statistics else make


def null_share(column: Column, facts: Facts = NOTHING) -> float:
    """How often the column is null."""
    facts = column.facts & facts
    if not column.null or facts.not_null:
        return 0.0
    if facts.torn:
        return 0.5
    return column.statistics.nulls if column.statistics else NULLS


def _plain(table: str, column: Column, kind: Type, facts: Facts) -> Make:
    options = _options(kind, facts)
    if options:
        return _weighted(options)
    match kind.kind:
        case "array" if kind.element:
            return _array(_part(table, column, kind.element), facts)
        case "range" if kind.element:
            return _range(_part(table, column, kind.element))
        case "multirange" if kind.element:
            one = _range(_part(table, column, kind.element))
            return lambda random, number: "{" + str(one(random, number)) + "}"
        case "composite":
            return _composite([_part(table, column, part) for part in kind.parts])
    if kind.name in WHOLE:
        return whole(column, kind, facts)
    if kind.name in FRACTIONS:
        return fraction(column, kind, facts)
    if kind.name in TIMES:
        return moment(column, kind, facts)
    if facts.json or (kind.name in TEXTS and column.orm == "JSONField"):
        return _json
    if kind.name in TEXTS:
        return text_of(table, column, kind, facts)
    if kind.name in ("bit", "varbit"):
        return _bits(kind)
    if kind.name == "bool":
        return _truth(column.name)
    if kind.name in SIMPLE:
        return SIMPLE[kind.name]
    raise Unknown(f"values of the type {kind.sql or kind.name} cannot be made")


def _part(table: str, column: Column, kind: Type) -> Make:
    """What an array or a range of the column holds: of texts, words."""
    if kind.kind == "base" and kind.name in TEXTS:
        most = kind.length
        return lambda random, number: _texts.word(random, number)[:most]
    return _plain(table, column, kind, Facts())


def _options(kind: Type, facts: Facts) -> tuple[object, ...]:
    """The few values that there are to choose from."""
    given = facts.values or facts.hints or kind.labels
    if kind.labels:
        given = tuple(one for one in given if one in kind.labels) or kind.labels
    kept = [one for one in given if one not in facts.excluded]
    if kind.name == "bool":
        return tuple(one.lower() in ("true", "t", "1") for one in kept)
    if kind.kind in ("array", "range", "composite", "multirange"):
        return tuple(kept) if facts.values else ()
    if kind.name in WHOLE or kind.name in FRACTIONS:
        return tuple(one if (number := number_of(one)) is None else number for one in kept)
    return tuple(kept)


def _weighted(options: Sequence[object]) -> Make:
    """The first ones more often: it is where most rows are."""
    ends = list(accumulate(1 / (place + 2) for place in range(len(options))))
    return lambda random, number: options[bisect(ends, random.random() * ends[-1])]


def _truth(name: str) -> Make:
    share = 0.5
    if search(r"(?i)active|enabled|visible|published|valid|verified|available", name):
        share = 0.9
    elif search(r"(?i)deleted|staff|admin|superuser|archived|blocked|hidden|banned", name):
        share = 0.05
    return lambda random, number: random.random() < share


def _bits(kind: Type) -> Make:
    length = kind.length or 1
    return lambda random, number: format(random.getrandbits(length), f"0{length}b")


def _array(one: Make, facts: Facts) -> Make:
    most = 4 if facts.longest is None else facts.longest
    least = min(facts.shortest or (1 if facts.longest != 0 else 0), 1000)
    most = max(least, most)
    return lambda random, number: [
        one(random, number) for _ in range(random.randint(least, min(most, least + 3)))
    ]


def _range(one: Make) -> Make:
    def make(random: Random, number: int) -> object:
        ends = sorted((one(random, number), one(random, number)), key=lambda end: (0, end))
        return f'["{ends[0]}","{ends[1]}"]'

    return make


def _composite(parts: Sequence[Make]) -> Make:
    def make(random: Random, number: int) -> object:
        texts = (str(part(random, number)) for part in parts)
        quoted = (text.replace("\\", "\\\\").replace('"', '""') for text in texts)
        return "(" + ",".join(f'"{text}"' for text in quoted) + ")"

    return make


def _json(random: Random, number: int) -> str:
    return json.dumps(
        {
            random.choice(_words.NOUNS): random.randint(1, 1000),
            "kind": random.choice(_words.COLOURS),
            "tags": random.sample(_words.ADJECTIVES, random.randint(0, 3)),
        }
    )


def _time(random: Random, number: int) -> time:
    return (TODAY + timedelta(seconds=random.randrange(86_400))).time()


def _mac(random: Random, number: int) -> str:
    return ":".join(f"{random.randrange(256):02x}" for _ in range(6))


def _point(random: Random) -> str:
    return f"({random.randint(-100, 100)},{random.randint(-80, 80)})"


SIMPLE: dict[str, Make] = {
    "json": _json,
    "jsonb": _json,
    "uuid": lambda random, number: UUID(int=random.getrandbits(128), version=4),
    "bytea": lambda random, number: random.randbytes(random.randint(8, 64)),
    "time": _time,
    "timetz": lambda random, number: _time(random, number).replace(tzinfo=UTC),
    "interval": lambda random, number: timedelta(seconds=random.randrange(30 * 86_400)),
    "inet": lambda random, number: f"10.{random.randrange(256)}.{random.randrange(256)}.7",
    "cidr": lambda random, number: f"10.{random.randrange(256)}.{random.randrange(256)}.0/24",
    "macaddr": _mac,
    "macaddr8": lambda random, number: f"{_mac(random, number)}:00:01",
    "tsvector": lambda random, number: " ".join(random.sample(_words.NOUNS, 5)),
    "tsquery": lambda random, number: " & ".join(random.sample(_words.NOUNS, 2)),
    "xml": lambda random, number: f"<{random.choice(_words.NOUNS)}/>",
    "point": lambda random, number: _point(random),
    "lseg": lambda random, number: f"[{_point(random)},{_point(random)}]",
    "box": lambda random, number: f"{_point(random)},{_point(random)}",
    "path": lambda random, number: f"[{_point(random)},{_point(random)}]",
    "polygon": lambda random, number: f"({_point(random)},{_point(random)},{_point(random)})",
    "circle": lambda random, number: f"<{_point(random)},{random.randint(1, 9)}>",
    "line": lambda random, number: f"{{1,{random.randint(1, 9)},{random.randint(1, 9)}}}",
    "hstore": lambda random, number: f'"kind"=>"{random.choice(_words.COLOURS)}"',
    "ltree": lambda random, number: ".".join(random.sample(_words.NOUNS, 3)),
    "oid": lambda random, number: random.randint(1, 10**6),
    "pg_lsn": lambda random, number: f"0/{random.randrange(2**32):X}",
    "char": lambda random, number: random.choice("abcdefgh"),
}
