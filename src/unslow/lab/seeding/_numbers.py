"""Makes numbers that a type holds, that checks allow, and that suit the column's name."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from random import Random
from re import search
from typing import TypeVar

from unslow.lab.seeding._making import Make
from unslow.lab.seeding.schema import Bound, Column, Facts, Type

Size = TypeVar("Size", int, Decimal)
WHOLE = {"int2": 2**15, "int4": 2**31, "int8": 2**63}
FRACTIONS = ("numeric", "float4", "float8", "money")
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


def limits(column: Column, facts: Facts) -> tuple[int, int]:
    """The least and the greatest whole number that the column may hold."""
    one = Decimal(1)
    limit = WHOLE[column.type.name]
    lowest = int(max([Decimal(-limit), *_numbers(facts.lows, one, 1)]))
    highest = int(min([Decimal(limit - 1), *_numbers(facts.highs, one, -1)]))
    return max(lowest, 0) if column.orm.startswith("Positive") else lowest, highest


def whole(column: Column, kind: Type, facts: Facts) -> Make:
    lowest, highest = limits(replace(column, type=kind), facts)
    low, high = _inside_limits(*_usual(column.name, USUAL), lowest, highest)
    excluded = {int(n) for n in map(number_of, facts.excluded) if n is not None}

    def make(random: Random, number: int) -> object:
        value = random.randint(low, high)
        return value if value not in excluded else random.randint(low, high)

    return make


def fraction(column: Column, kind: Type, facts: Facts) -> Make:
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


def number_of(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _numbers(bounds: Sequence[Bound], step: Decimal, sign: int) -> list[Decimal]:
    """Bounds as the nearest number that is inside, in steps of the type."""
    found = []
    for bound in bounds:
        value = number_of(bound.text)
        if value is not None:
            rounding = ROUND_CEILING if sign > 0 else ROUND_FLOOR
            inside = (value / step).to_integral_value(rounding) * step
            found.append(inside + sign * step if bound.strict and inside == value else inside)
    return found


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
