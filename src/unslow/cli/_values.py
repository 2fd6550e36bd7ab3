"""Reads the values of options: durations, and names with values."""

import itertools
import re
from collections.abc import Sequence

from unslow.errors import UsageError

MOST_PERCENT = 1000
LEAST_SIZES = 3  # two points lie on a line of any kind
UNITS_S = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str, option: str) -> float:
    """`90`, `90s`, `5m` or `1h` in seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    if match is None or not float(match[1]):
        raise UsageError(f"{option} {text}: not a duration; write 90s, 5m or 1h")
    return float(match[1]) * UNITS_S[match[2]]


def share(text: str, option: str) -> float:
    """`5%` or `5` in hundredths, as a fraction."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%?", text.strip())
    if match is None or not 0 < float(match[1]) < MOST_PERCENT:
        raise UsageError(f"{option} {text}: not a share; write 5%")
    return float(match[1]) / 100


def sizes(text: str, option: str) -> tuple[int, ...]:
    """`1,4,16`: ascending multiples, each of the one before; () for an empty text."""
    if not text:
        return ()
    found = [int(part) for part in text.split(",") if part.strip().isdecimal()]
    steps = itertools.pairwise(found)
    is_whole = len(found) == text.count(",") + 1 >= LEAST_SIZES and found[0] > 0
    if not is_whole or any(after <= before or after % before for before, after in steps):
        raise UsageError(
            f"{option} {text}: write three sizes or more, each a multiple of the one before: 1,4,16"
        )
    return tuple(found)


def pairs(texts: Sequence[str] | None, separator: str, option: str) -> dict[str, str]:
    """`NAME=VALUE` or `NAME: VALUE` options as a mapping."""
    found = {}
    for text in texts or ():
        name, mark, value = text.partition(separator)
        if not mark or not name.strip():
            raise UsageError(f"{option}: write NAME{separator}VALUE")  # never echo a secret
        found[name.strip()] = value.strip()
    return found
