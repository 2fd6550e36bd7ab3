"""Makes values of a column: within its type, its facts and its statistics."""

import json
from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from itertools import accumulate
from random import Random
from re import search
from typing import TypeVar
from uuid import UUID

from unslow.lab.seeding import _texts, _words
from unslow.lab.seeding._checks import NOW
from unslow.lab.seeding._patterns import Pattern, Unwritable
from unslow.lab.seeding.schema import Bound, Column, Facts, Statistics, Type

Make = Callable[[Random, int], object]
Size = TypeVar("Size", int, Decimal)

TODAY = datetime(2026, 1, 1)  # fixed, so that the same seed makes the same rows on every day
FAR = datetime(2036, 1, 1)  # later than the moment at which a check asks for the future
PAST_DAYS = 730
NULLS = 0.1  # of a column that may be null
TRIES = 40  # for a text that has to match more than one thing
NOTHING = Facts()
WHOLE = {"int2": 2**15, "int4": 2**31, "int8": 2**63}
FRACTIONS = ("numeric", "float4", "float8", "money")
TEXTS = ("varchar", "text", "bpchar", "citext", "name")
TIMES = ("timestamp", "timestamptz", "date")


class Unknown(Exception):
    """No value of this type can be made."""


def maker(table: str, column: Column, rows: int, facts: Facts = NOTHING) -> Make:
    """A function that makes values of the column, never null; for `rows` rows.

    Raises Unknown when the type is not known.
    """
    facts = column.facts & facts
    make = _plain(table, column, column.type, facts)
    return _like(column, make, rows, facts) if column.statistics else make


def null_share(column: Column, facts: Facts = NOTHING) -> float:
    """How often the column is null."""
    facts = column.facts & facts
    if not column.null or facts.not_null:
        return 0.0
    if facts.torn:
        return 0.5
    return column.statistics.nulls if column.statistics else NULLS


def fresh(column: Column, facts: Facts) -> Callable[[object, int], object] | None:
    """Makes a value different from all others, by a number; None where that is not plain."""
    if facts.values is not None or column.type.kind != "base":
        return None
    if column.type.name not in TEXTS:
        return None
    most = _longest(column.type, facts)
    fold = str.upper if facts.fold == "upper" else str
    patterns, unlike = _patterns(facts.patterns), _patterns(facts.unlike)

    def make(value: object, number: int) -> object:
        text = fold(_numbered(str(value), number, most))
        is_good = all(one.matches(text) for one in patterns) and not any(
            one.matches(text) for one in unlike
        )
        return text if is_good else value

    return make


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
        return _whole(column, kind, facts)
    if kind.name in FRACTIONS:
        return _fraction(column, kind, facts)
    if kind.name in TIMES:
        return _moment(column, kind, facts)
    if facts.json or (kind.name in TEXTS and column.orm == "JSONField"):
        return _json
    if kind.name in TEXTS:
        return _text(table, column, kind, facts)
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
        return tuple(one if (number := _number(one)) is None else number for one in kept)
    return tuple(kept)


def _weighted(options: Sequence[object]) -> Make:
    """The first ones more often: it is where most rows are."""
    ends = list(accumulate(1 / (place + 2) for place in range(len(options))))
    return lambda random, number: options[bisect(ends, random.random() * ends[-1])]


def _number(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _numbers(bounds: Sequence[Bound], step: Decimal, sign: int) -> list[Decimal]:
    """Bounds as the nearest number that is inside, in steps of the type."""
    found = []
    for bound in bounds:
        value = _number(bound.text)
        if value is not None:
            rounding = ROUND_CEILING if sign > 0 else ROUND_FLOOR
            inside = (value / step).to_integral_value(rounding) * step
            found.append(inside + sign * step if bound.strict and inside == value else inside)
    return found


def limits(column: Column, facts: Facts) -> tuple[int, int]:
    """The least and the greatest whole number that the column may hold."""
    one = Decimal(1)
    limit = WHOLE[column.type.name]
    lowest = int(max([Decimal(-limit), *_numbers(facts.lows, one, 1)]))
    highest = int(min([Decimal(limit - 1), *_numbers(facts.highs, one, -1)]))
    return max(lowest, 0) if column.orm.startswith("Positive") else lowest, highest


def _whole(column: Column, kind: Type, facts: Facts) -> Make:
    lowest, highest = limits(replace(column, type=kind), facts)
    low, high = _inside_limits(*_usual(column.name, USUAL), lowest, highest)
    excluded = {int(n) for n in map(_number, facts.excluded) if n is not None}

    def make(random: Random, number: int) -> object:
        value = random.randint(low, high)
        return value if value not in excluded else random.randint(low, high)

    return make


def _usual(name: str, known: Sequence[tuple[str, int, int]]) -> tuple[int, int]:
    for pattern, low, high in known:
        if search(rf"(?i)(^|_)({pattern})(_|$)", name):
            return low, high
    return 1, 1000


def _inside_limits(low: Size, high: Size, lowest: Size, highest: Size) -> tuple[Size, Size]:
    """The part of what is usual that is allowed; where there is none, what is allowed near it."""
    if lowest <= high and low <= highest:
        return max(low, lowest), min(high, highest)
    if high < lowest:
        return lowest, min(highest, lowest + high - low)
    return max(lowest, highest - (high - low)), highest


USUAL = (
    (r"age", 18, 90),
    (r"year", 1990, 2025),
    (r"month", 1, 12),
    (r"day|dow|weekday", 1, 28),
    (r"hour", 0, 23),
    (r"minutes?|seconds?", 0, 59),
    (r"qty|quantity", 1, 10),
    (r"rating|stars|score|rank|level", 1, 5),
    (r"percent(age)?|rate|discount|progress", 0, 100),
    (r"priority|weight|order|position|sort(_?order)?", 0, 100),
    (r"width|height", 1, 2000),
    (r"lat(itude)?", -80, 80),
    (r"lon(gitude)?|lng", -179, 179),
    (r"count|total|stock|amount|views|likes|points|balance", 0, 500),
    (r"cents|price|cost|salary|bytes|size", 100, 100_000),
)
USUAL_FRACTIONS = (
    (r"rating|stars|score", 1, 5),
    (r"percent(age)?|rate|discount|share|ratio|tax|vat|fraction", 0, 1),
    (r"lat(itude)?", -80, 80),
    (r"lon(gitude)?|lng", -179, 179),
    (r"salary|revenue|budget", 10_000, 100_000),
)


def _fraction(column: Column, kind: Type, facts: Facts) -> Make:
    is_exact = kind.name in ("numeric", "money")
    places = kind.scale if kind.precision else 2
    step = Decimal(1).scaleb(-places)
    most = Decimal(10) ** (kind.precision - kind.scale) if kind.precision else Decimal(10) ** 9
    lowest = max([step - most, *_numbers(facts.lows, step, 1)])
    highest = min([most - step, *_numbers(facts.highs, step, -1)])
    least, greatest = map(Decimal, _usual(column.name, USUAL_FRACTIONS))
    low, high = _inside_limits(least, greatest, lowest, highest)
    low = (low / step).to_integral_value(ROUND_CEILING) * step
    steps = max(0, int((high - low) / step))

    def make(random: Random, number: int) -> object:
        # Small amounts are more frequent than large ones.
        value = low + step * int(steps * random.random() ** 2)
        return value if is_exact else float(value)

    return make


def _moments(bounds: Sequence[Bound], kind: Type, sign: int) -> list[datetime]:
    step = timedelta(days=1) if kind.name == "date" else timedelta(microseconds=1)
    found = []
    for bound in bounds:
        try:
            value = (FAR if sign > 0 else TODAY) if bound.text == NOW else read_moment(bound.text)
        except ValueError:
            continue
        found.append(value + sign * step if bound.strict else value)
    return found


def read_moment(text: str) -> datetime:
    """A moment as SQL writes it, in UTC without a zone. ValueError for anything else."""
    value = datetime.fromisoformat(text)
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def _moment(column: Column, kind: Type, facts: Facts) -> Make:
    first, last = _usual_times(column.name)
    lows = _moments(facts.lows, kind, 1)
    highs = _moments(facts.highs, kind, -1)
    low, high = max([first, *lows]), min([last, *highs])
    if low > high:  # the usual time is not allowed: take what is
        low = max(lows) if lows else min(highs) - timedelta(days=PAST_DAYS)
        high = min(highs) if highs else low + timedelta(days=PAST_DAYS)
    spread = max(0, int((high - low).total_seconds()))

    def make(random: Random, number: int) -> object:
        value = low + timedelta(seconds=random.randint(0, spread))
        if kind.name == "date":
            return value.date()
        return value.replace(tzinfo=UTC) if kind.name == "timestamptz" else value

    return make


def _usual_times(name: str) -> tuple[datetime, datetime]:
    if search(r"(?i)birth|dob|born", name):
        return datetime(1945, 1, 1), datetime(2007, 12, 31)
    if search(r"(?i)expir|due|until|deadline|valid_to|ends?_|_end|renew", name):
        return TODAY, TODAY + timedelta(days=365)
    return TODAY - timedelta(days=PAST_DAYS), TODAY


def _longest(kind: Type, facts: Facts) -> int | None:
    lengths = [one for one in (kind.length, facts.longest) if one is not None]
    return min(lengths) if lengths else None


def _text(table: str, column: Column, kind: Type, facts: Facts) -> Make:
    most = _longest(kind, facts)
    if column.orm in ("UUIDField", "Uuid", "UUID"):
        return lambda random, number: UUID(int=random.getrandbits(128), version=4)
    write = _texts.writer(table, column.name, column.orm, most)
    least = max(facts.shortest, kind.length or 0) if kind.name == "bpchar" else facts.shortest
    fold = {"upper": str.upper, "lower": str.lower}.get(facts.fold, str)

    def make(random: Random, number: int) -> str:
        text = write(random, number)
        while len(text) < least:
            text += _texts.short(random.getrandbits(40), 8)
        return fold(text if most is None else text[:most].rstrip() or text[:most])

    return _matching(make, facts, most) if facts.patterns or facts.unlike else make


def _matching(plain: Callable[[Random, int], str], facts: Facts, most: int | None) -> Make:
    """The plain text where it matches, as a name or an address may; else one for the pattern."""
    patterns, unlike = _patterns(facts.patterns), _patterns(facts.unlike)
    write = [one.write for one in patterns] or [lambda random: random.choice(_words.NOUNS)[:most]]

    def is_good(text: str) -> bool:
        return (
            facts.shortest <= len(text) <= (most or len(text))
            and all(one.matches(text) for one in patterns)
            and not any(one.matches(text) for one in unlike)
        )

    def make(random: Random, number: int) -> object:
        text = plain(random, number)
        for attempt in range(TRIES):
            if is_good(text):
                break
            text = write[attempt % len(write)](random)
        return text

    return make


def _patterns(expressions: Sequence[str]) -> list[Pattern]:
    try:
        return [Pattern(one) for one in expressions]
    except Unwritable as error:
        raise Unknown(f"no text can be written for {expressions[0]!r}: {error}") from error


def _numbered(text: str, number: int, most: int | None) -> str:
    """The text with a number in it, before the @ of an address."""
    name, mark, rest = text.partition("@")
    room = None if most is None else most - len(mark + rest)
    if mark and (room is None or room > len(str(number))):
        kept = name if room is None else name[: room - len(str(number))]
        return f"{kept}{number}@{rest}"
    if most is None:
        return f"{text} {number}" if " " in text else f"{text}-{number}"
    if len(text) + len(str(number)) < most:
        return f"{text} {number}" if " " in text else f"{text}-{number}"
    ending = _texts.short(number, min(3, most))
    return text if len(ending) > most else text[: most - len(ending)] + ending


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


def _like(column: Column, plain: Make, rows: int, facts: Facts) -> Make:
    """Values distributed as the statistics say, those without any as they come."""
    known = column.statistics
    if known is None or facts.values is not None or column.type.kind not in ("base", "enum"):
        return plain
    rest = _between(known, column.type, plain)
    if not known.common and rest is plain:
        count = round(known.distinct if known.distinct > 0 else -known.distinct * rows)
        if not 0 < count < rows:
            return plain
        return lambda random, number: _pooled(plain, random.randrange(count))
    ends = list(accumulate(known.frequencies))
    scale = max([1 - known.nulls, *ends[-1:]])
    common = [_parsed(one, column.type) for one in known.common]

    def make(random: Random, number: int) -> object:
        place = bisect(ends, random.random() * scale)
        return common[place] if place < len(common) else rest(random, number)

    return make


def _pooled(make: Make, place: int) -> object:
    return make(Random(place), place)


def _between(known: Statistics, kind: Type, plain: Make) -> Make:
    """Values between the bounds of the histogram, each of whose parts has as many rows."""
    if len(known.bounds) < 2:
        return plain if not known.common else _pick(known, kind, plain)
    ends = [_parsed(one, kind) for one in known.bounds]

    def make(random: Random, number: int) -> object:
        place = random.randrange(len(ends) - 1)
        return _inside(ends[place], ends[place + 1], kind, random)

    return make


def _pick(known: Statistics, kind: Type, plain: Make) -> Make:
    """Without a histogram, the common values are all there are, or nearly so."""
    is_all = 0 < known.distinct <= len(known.common)
    values = [_parsed(one, kind) for one in known.common]
    return (lambda random, number: random.choice(values)) if is_all else plain


def _parsed(text: str, kind: Type) -> object:
    if kind.name in WHOLE:
        return int(text)
    if kind.name == "numeric" and (number := _number(text)) is not None:
        return number
    if kind.name in ("float4", "float8"):
        return float(text)
    if kind.name in TIMES:
        try:
            moment = read_moment(text)
        except ValueError:
            return text
        if kind.name == "date":
            return moment.date()
        return moment.replace(tzinfo=UTC) if kind.name == "timestamptz" else moment
    return text


def _inside(low: object, high: object, kind: Type, random: Random) -> object:
    match low, high:
        case int(), int():
            return random.randint(low, high)
        case Decimal(), Decimal():
            step = Decimal(1).scaleb(-kind.scale if kind.precision else -2)
            value = (low + (high - low) * Decimal(random.random())).quantize(step)
            return min(max(value, low), high)
        case float(), float():
            return random.uniform(low, high)
        case datetime(), datetime():
            return low + (high - low) * random.random()
        case date(), date():
            return low + timedelta(days=random.randint(0, (high - low).days))
    return low


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
