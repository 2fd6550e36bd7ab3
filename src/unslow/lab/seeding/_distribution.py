"""Makes values distributed as PostgreSQL's statistics say."""

from bisect import bisect
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from random import Random

from unslow.lab.seeding._making import Make
from unslow.lab.seeding._moments import TIMES, read_moment
from unslow.lab.seeding._numbers import WHOLE, number_of
from unslow.lab.seeding.schema import Column, Facts, Statistics, Type


def like(column: Column, plain: Make, rows: int, facts: Facts) -> Make:
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
    if kind.name == "numeric" and (number := number_of(text)) is not None:
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
