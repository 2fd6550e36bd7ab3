"""Makes dates and times that checks allow and that suit the column's name."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from re import search

from unslow.lab.seeding._checks import NOW
from unslow.lab.seeding._making import Make
from unslow.lab.seeding.schema import Bound, Column, Facts, Type

TODAY = datetime(2026, 1, 1)  # fixed, so that the same seed makes the same rows on every day
FAR = datetime(2036, 1, 1)  # later than the moment at which a check asks for the future
PAST_DAYS = 730
TIMES = ("timestamp", "timestamptz", "date")


def moment(column: Column, kind: Type, facts: Facts) -> Make:
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


def _usual_times(name: str) -> tuple[datetime, datetime]:
    if search(r"(?i)birth|dob|born", name):
        return datetime(1945, 1, 1), datetime(2007, 12, 31)
    if search(r"(?i)expir|due|until|deadline|valid_to|ends?_|_end|renew", name):
        return TODAY, TODAY + timedelta(days=365)
    return TODAY - timedelta(days=PAST_DAYS), TODAY
